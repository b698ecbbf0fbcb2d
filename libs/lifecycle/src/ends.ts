import { everyValue } from './attributes.js';
import { birthOf } from './birth.js';
import type { Links } from './links.js';
import { kindOfName, type Name } from './names.js';
import { thresholdsOf } from './settings.js';
import type { TokenState } from './state.js';
import type { Cut, End } from './view.js';
import type { Fence } from './fences.js';
import type { World } from './world.js';

/** The instant up to which a fact of this gateway counts. */
export function cutFor(cut: Cut, gateway: string | undefined): number {
  return gateway === undefined ? cut.T : (cut.gateways?.get(gateway) ?? cut.T);
}

/**
 * What fences and keys are held against: every value that was ever stated with authority, not the best one alone,
 * so that a later line with another spelling cannot take a token out of a fence (MODEL §5, invariants).
 */
export interface Marks {
  names: ReadonlySet<Name>;
  kinds: ReadonlySet<string>;
  /** The grant was said to outlive the login; said not to. Neither: unknown, and a fence that asks does not hit. */
  offline: boolean;
  online: boolean;
  birth: number | undefined;
}

/** @param name the token's own: a credential is an API key whatever else lines call it. */
export function marksOf(state: TokenState, name: Name, links: Links, world: World): Marks {
  const kinds = new Set(everyValue<string>(state.attributes, 'kind'));
  if (kindOfName(name) === 'cred') kinds.add('apiKey');
  return {
    names: links.hasRenames ? new Set([...state.marks].map((each) => links.current(each))) : state.marks,
    kinds,
    offline: state.offline,
    online: state.online,
    birth: birthOf(state, thresholdsOf(world.settings).birthSlack).birth,
  };
}

/**
 * Every end at or before the cut, earliest first (MODEL §5.1, §5.5, §5.6).
 * @param names every name through which the token belongs to a family.
 */
export function endsOf(
  state: TokenState,
  marks: Marks,
  names: Iterable<Name>,
  cut: Cut,
  world: World,
  links: Links,
): End[] {
  const ends = [...statedEnds(state, cut, links)];
  for (const fence of world.fencesFor(marks.names)) {
    if (fence.at <= cut.T && hits(fence, marks)) {
      ends.push({ kind: 'fenced', at: fence.at, cause: fence.cause, authority: fence.authority });
    }
  }
  for (const mark of world.keys.size === 0 ? [] : marks.names) {
    const compromised = world.keys.get(mark)?.compromised;
    if (compromised !== undefined && compromised <= cut.T) {
      ends.push({ kind: 'compromised', at: compromised, cause: 'key compromised', authority: 'issuer' });
    }
  }
  for (const end of world.familyEndsOf(names, links)) {
    if (end.at <= cut.T) ends.push({ kind: 'familyEnded', ...end });
  }
  return inOrder(ends);
}

function* statedEnds(state: TokenState, cut: Cut, links: Links): Iterable<End> {
  for (const onset of state.onsets.values()) {
    if (onset.at > cutFor(cut, onset.gateway)) continue;
    const base: { at: number; authority: End['authority']; version?: string; gateway?: string } = {
      at: onset.at,
      authority: onset.authority,
    };
    if (onset.version !== undefined) base.version = onset.version;
    if (onset.gateway !== undefined) base.gateway = onset.gateway;
    const { qualifier } = onset;
    if (onset.kind === 'revoked') {
      const [cause = '', scope = ''] = qualifier.split('\n');
      yield { kind: 'revoked', cause: cause || 'revoked', ...(scope !== '' && { scope }), ...base };
    } else if (onset.kind === 'compromised') {
      yield { kind: 'compromised', cause: qualifier || 'compromised', ...base };
    } else if (onset.kind === 'rotated') {
      const successor = qualifier === '' ? undefined : links.canonical(qualifier);
      yield { kind: 'rotated', cause: 'rotated', ...(successor !== undefined && { successor }), ...base };
    } else if (onset.kind === 'consumed') {
      yield { kind: 'consumed', cause: qualifier || 'consumed', ...base };
    }
  }
}

/** By time, then by everything else, so that no answer depends on which fact came first; without repeats. */
function inOrder(ends: End[]): End[] {
  if (ends.length < 2) return ends;
  const keyed = ends.map((end) => ({ end, key: JSON.stringify(end, ORDER) }));
  keyed.sort((a, b) => a.end.at - b.end.at || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return keyed.filter(({ key }, i) => key !== keyed[i - 1]?.key).map(({ end }) => end);
}
const ORDER = ['kind', 'cause', 'scope', 'authority', 'version', 'gateway', 'successor', 'at'];

/** A fence hits iff birth < cutoff and everything that it names matches. */
function hits({ match, cutoff }: Fence, marks: Marks): boolean {
  if (marks.birth === undefined || marks.birth >= cutoff) return false;
  for (const name of [match.sub, match.cli, match.kid, match.ses]) {
    if (name !== undefined && !marks.names.has(name)) return false;
  }
  if (match.tokenKind !== undefined && !marks.kinds.has(match.tokenKind)) return false;
  if (match.offline === undefined) return true;
  return match.offline ? marks.offline : marks.online;
}
