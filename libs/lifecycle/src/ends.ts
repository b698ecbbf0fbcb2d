import type { Links } from './links.js';
import type { Name } from './names.js';
import type { Toggle, TokenState } from './state.js';
import type { Cut, End } from './view.js';
import type { Fence, World } from './world.js';

/** The instant up to which a fact of this gateway counts. */
export function cutFor(cut: Cut, gateway: string | undefined): number {
  return gateway === undefined ? cut.T : (cut.gateways?.get(gateway) ?? cut.T);
}

/** What the fences and keys need to know of a token. */
export interface Marks {
  subject?: Name | undefined;
  client?: Name | undefined;
  kidName?: Name | undefined;
  sessions: readonly Name[];
  offline: boolean;
  kind: string;
  birth: number | undefined;
}

/** Every end at or before the cut, earliest first (MODEL §5.1, §5.5, §5.6). */
export function endsOf(
  state: TokenState,
  marks: Marks,
  family: Name | undefined,
  cut: Cut,
  world: World,
  links: Links,
): End[] {
  const ends: End[] = [];
  for (const onset of state.onsets.values()) {
    if (onset.at > cutFor(cut, onset.gateway)) continue;
    const base = {
      at: onset.at,
      authority: onset.authority,
      ...optional('version', onset.version),
      ...optional('gateway', onset.gateway),
    };
    if (onset.kind === 'revoked') {
      const [cause = '', scope = ''] = onset.qualifier.split('\n');
      ends.push({ kind: 'revoked', cause: cause || 'revoked', ...optional('scope', scope || undefined), ...base });
    } else if (onset.kind === 'compromised') {
      ends.push({ kind: 'compromised', cause: onset.qualifier || 'compromised', ...base });
    } else if (onset.kind === 'rotated') {
      const successor = onset.qualifier === '' ? undefined : links.current(onset.qualifier);
      ends.push({ kind: 'rotated', cause: 'rotated', ...optional('successor', successor), ...base });
    } else if (onset.kind === 'consumed') {
      ends.push({ kind: 'consumed', cause: 'consumed', ...base });
    }
  }
  const names = [marks.subject, marks.client, marks.kidName, ...marks.sessions].filter((n) => n !== undefined);
  for (const fence of world.fencesFor(names)) {
    if (fence.at <= cut.T && hits(fence, marks)) {
      ends.push({ kind: 'fenced', at: fence.at, cause: fence.cause, authority: fence.authority });
    }
  }
  if (marks.kidName !== undefined) {
    const compromised = world.keys.get(marks.kidName)?.compromised;
    if (compromised !== undefined && compromised <= cut.T) {
      ends.push({ kind: 'compromised', at: compromised, cause: 'key compromised', authority: 'issuer' });
    }
  }
  if (family !== undefined && world.familyEnds.size > 0) {
    for (const grant of links.grantsOf(family)) {
      for (const end of world.familyEnds.get(grant) ?? []) {
        if (end.at > cut.T) continue;
        ends.push({
          kind: 'familyEnded',
          at: end.at,
          cause: end.cause,
          authority: end.authority,
          ...optional('version', end.version),
        });
      }
    }
  }
  return ends.sort((a, b) => a.at - b.at || (a.kind < b.kind ? -1 : a.kind > b.kind ? 1 : a.cause < b.cause ? -1 : 1));
}

/** A fence hits iff birth < cutoff and everything that it names matches. An unknown birth is taken as before. */
function hits(fence: Fence, marks: Marks): boolean {
  const { match } = fence;
  if (marks.birth !== undefined && marks.birth >= fence.cutoff) return false;
  if (match.sub !== undefined && match.sub !== marks.subject) return false;
  if (match.cli !== undefined && match.cli !== marks.client) return false;
  if (match.kid !== undefined && match.kid !== marks.kidName) return false;
  if (match.ses !== undefined && !marks.sessions.includes(match.ses)) return false;
  if (match.tokenKind !== undefined && match.tokenKind !== marks.kind) return false;
  return match.offline === undefined || match.offline === marks.offline;
}

/** The causes that suspend at T: for each, the latest word at or before T suspends, or ties (MODEL §5.3). */
export function suspensionsAt(causes: Iterable<[string, Iterable<Toggle>]>, T: number): string[] {
  const out: string[] = [];
  for (const [cause, toggles] of causes) {
    let latest = -Infinity;
    let suspends = false;
    for (const { at, op } of toggles) {
      if (at > T || at < latest) continue;
      suspends = op === 'suspend' || (at === latest && suspends);
      latest = at;
    }
    if (suspends) out.push(cause);
  }
  return out.sort();
}

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });
}
