import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { stateLine } from './digest.js';
import type { RecordedFact } from './observations.js';
import { DAY, historyOf, HOUR, MINUTE, SECOND, T0 } from './testing.js';
import { someFacts } from './testing-histories.js';

/**
 * The rules of MODEL §5 once more, as plainly as they can be written: read every fact for every question, keep no
 * state, no bucket, no border. For histories without renames, toks and identity conflicts, which have specs of their own.
 */
const AUTHORITY: Record<string, number> = { tally: 3, keycloak: 2, envoy: 1, kong: 1 };
const SLACK = 5 * MINUTE;
const kindOf = (f: RecordedFact) => f.type.slice('tallystick.'.length, -'.v1'.length);

function reference(all: readonly RecordedFact[], T: number): string {
  const distinct = [...new Map(all.map((f) => [f.id, f])).values()];
  const tokenFacts = distinct.filter((f) => kindOf(f).startsWith('token.') && f.data['shadow'] !== true);
  const names = [...new Set(tokenFacts.map((f) => f.subject))].sort();
  return names.map((name) => lineOf(name, distinct, T) ?? '').join('');
}

function lineOf(name: string, all: readonly RecordedFact[], T: number): string | undefined {
  const own = all.filter((f) => kindOf(f).startsWith('token.') && f.subject === name && f.data['shadow'] !== true);
  const known = own.filter((f) => f.time <= T);
  if (known.length === 0) return undefined;
  const family = familyOf(name, all);
  const expiry = expiryOf(own, all, T);
  const ends = [...endsOf(name, own, family, all, T)].sort((a, b) => a.at - b.at);
  const status = statusOf(known, ends, expiry, suspended(own, all, T), T);
  const conflict = ['iat', 'scopes', 'sub', 'cli', 'kid', 'expiry'].some((what) => valuesOf(what, own, all).size > 1);
  const flags = conflict ? 'conflict' : '-';
  return `${name}\t${status}\t${flags}\t${ends[0]?.at ?? '-'}\t${expiry}\t${family?.label ?? '-'}\n`;
}

const isConflicting = (f: RecordedFact, all: readonly RecordedFact[]) =>
  all.some((g) => g.record.key === f.record.key && g.record.digest !== f.record.digest);

function valuesOf(what: string, own: readonly RecordedFact[], all: readonly RecordedFact[]): Map<string, number> {
  const out = new Map<string, number>();
  for (const f of own) {
    if (what === 'expiry' && (kindOf(f) === 'token.renewed' || isConflicting(f, all))) continue;
    const expiry = f.data['expiry'] as { at: number } | undefined;
    const value = what === 'expiry' ? expiry?.at : (f.names[what as 'sub'] ?? f.data[what]);
    if (value !== undefined) {
      const text = JSON.stringify(Array.isArray(value) ? [...(value as string[])].sort() : value);
      out.set(text, Math.max(out.get(text) ?? 0, AUTHORITY[f.source]!));
    }
  }
  return out;
}

function expiryOf(own: readonly RecordedFact[], all: readonly RecordedFact[], T: number): number | 'unknown' {
  const stated = [...valuesOf('expiry', own, all)].sort(([x, a], [y, b]) => b - a || (x < y ? -1 : 1));
  let holds = stated[0] === undefined ? Infinity : Number(stated[0][0]);
  const expiries = own.filter((f) => f.data['expiry'] !== undefined);
  const at = (f: RecordedFact) => (f.data['expiry'] as { at: number }).at;
  for (const f of expiries) if (kindOf(f) !== 'token.renewed' && isConflicting(f, all)) holds = Math.min(holds, at(f));
  const renewed = expiries.filter((f) => kindOf(f) === 'token.renewed' && f.time <= T);
  for (const time of [...new Set(renewed.map((f) => f.time))].sort((a, b) => a - b)) {
    const here = renewed.filter((f) => f.time === time);
    const free = here.filter((f) => !isConflicting(f, all)).map(at);
    const contested = here.filter((f) => isConflicting(f, all) && !free.includes(at(f))).map(at);
    if (free.length > 0) holds = Math.min(...free);
    holds = Math.min(holds, ...contested);
  }
  return holds === Infinity ? 'unknown' : holds;
}

function familyOf(name: string, all: readonly RecordedFact[]): { members: Set<string>; label: string } | undefined {
  const edges = all.flatMap((f) => {
    if (!kindOf(f).startsWith('token.') || f.subject.startsWith('8')) return [];
    const fam = kindOf(f) === 'token.exchanged' ? undefined : f.names.fam;
    return [fam, f.data['successor'] as string | undefined].filter((o) => o !== undefined).map((o) => [f.subject, o]);
  });
  const members = new Set([name]);
  for (let grew = true; grew;) {
    grew = false;
    for (const [a, b] of edges as [string, string][]) {
      if (members.has(a) === members.has(b)) continue;
      members.add(a).add(b);
      grew = true;
    }
  }
  const isAlone = members.size === 1 && !edges.some(([a, b]) => a === name || b === name);
  return isAlone ? undefined : { members, label: [...members].sort()[0]! };
}

function birthOf(own: readonly RecordedFact[]): number {
  const issueTimes = own.flatMap((f) => [
    ...(typeof f.data['iat'] === 'number' ? [f.data['iat']] : []),
    ...(['token.issued', 'token.exchanged'].includes(kindOf(f)) ? [f.time] : []),
  ]);
  const seen = own
    .filter((f) => /validated|rejected|observed|consumed|renewed|rotated/.test(f.type))
    .map((f) => f.time);
  const issue = Math.min(...issueTimes);
  return issue === Infinity ? Math.min(...seen) : Math.min(issue, ...seen.filter((t) => t >= issue - SLACK));
}

function* endsOf(
  name: string,
  own: readonly RecordedFact[],
  family: ReturnType<typeof familyOf>,
  all: readonly RecordedFact[],
  T: number,
): Iterable<{ at: number; status: string }> {
  for (const f of own) {
    const end = /token\.(revoked|compromised|rotated|consumed)$/.exec(kindOf(f))?.[1];
    if (end !== undefined && f.time <= T) yield { at: f.time, status: end };
  }
  const marks = new Set(
    own.flatMap((f) => {
      const isUse = /validated|rejected|observed/.test(f.type);
      return [f.names.sub, f.names.kid, f.names.ses, isUse && f.data['verified'] !== true ? undefined : f.names.cli];
    }),
  );
  const said = own.map(
    ({ data }) => data['offline'] ?? (data['scopes'] as string[] | undefined)?.includes('offline_access'),
  );
  for (const f of all.filter((g) => g.time <= T)) {
    if (kindOf(f) === 'key.compromised' && marks.has(f.names.kid)) yield { at: f.time, status: 'compromised' };
    if (kindOf(f) === 'family.revoked' && family?.members.has(f.names.fam!)) yield { at: f.time, status: 'revoked' };
    if (kindOf(f) !== 'fence.raised') continue;
    const { tokenKind, offline, ...match } = f.data['match'] as { tokenKind?: string; offline?: boolean };
    const named = Object.values(match) as string[];
    if (named.length === 0 || !named.every((each) => marks.has(each))) continue;
    const kinds = [...own.map((g) => g.data['kind']), ...(name.startsWith('4') ? ['apiKey'] : [])];
    if (tokenKind !== undefined && !kinds.includes(tokenKind)) continue;
    if (offline !== undefined && !said.includes(offline)) continue;
    if (birthOf(own) < Number(f.data['cutoff'])) yield { at: f.time, status: 'revoked' };
  }
}

function suspended(own: readonly RecordedFact[], all: readonly RecordedFact[], T: number): boolean {
  const subjects = new Set(own.map((f) => f.names.sub));
  const words = [
    ...own.filter((f) => /token\.(suspended|reinstated)$/.test(kindOf(f))),
    ...all.filter((f) => /subject\.(suspended|reinstated)$/.test(kindOf(f)) && subjects.has(f.names.sub)),
  ].filter((f) => f.time <= T && !(kindOf(f).endsWith('reinstated') && isConflicting(f, all)));
  return ['token', 'subject'].some((thing) => {
    const said = words.filter((f) => kindOf(f).startsWith(thing));
    // Subjects are causes of their own.
    return [...new Set(said.map((f) => f.names.sub ?? ''))].some((sub) => {
      const here = thing === 'token' ? said : said.filter((f) => f.names.sub === sub);
      const latest = Math.max(...here.map((f) => f.time));
      return here.some((f) => f.time === latest && kindOf(f).endsWith('suspended'));
    });
  });
}

function statusOf(
  known: readonly RecordedFact[],
  ends: readonly { status: string }[],
  expiry: number | 'unknown',
  isSuspended: boolean,
  T: number,
): string {
  const is = (...kinds: string[]) => known.some((f) => kinds.includes(kindOf(f)));
  for (const status of ['compromised', 'revoked', 'rotated', 'consumed'])
    if (ends.some((end) => end.status === status)) return status;
  if (is('token.expired') || (expiry !== 'unknown' && T >= expiry)) return 'expired';
  if (isSuspended) return 'suspended';
  if (is('token.validated', 'token.renewed', 'token.rotated', 'token.consumed')) return 'active';
  return is('token.issued', 'token.exchanged') ? 'issued' : 'observed';
}

const simple = someFacts
  .map((facts) =>
    facts
      .filter((f) => !/aliased|renamed/.test(f.type) && !(kindOf(f) === 'token.revoked' && f.source === 'envoy'))
      .filter((f) => f.names.tok === undefined),
  )
  .filter((facts) => facts.length > 0 && !hasIdentityConflict(facts));

function hasIdentityConflict(facts: readonly RecordedFact[]): boolean {
  const jtis = new Set(facts.map((f) => f.names.jti).filter((j) => j !== undefined));
  return [...jtis].some((jti) => {
    const own = facts.filter((f) => f.names.jti === jti && f.data['shadow'] !== true);
    return ['sub', 'iat'].some((what) => valuesOf(what, own, facts).size > 1);
  });
}

describe('states', () => {
  it('are those of a reading that keeps nothing', () => {
    fc.assert(
      fc.property(simple, fc.constantFrom(0, 5 * SECOND, 20 * SECOND, HOUR, 30 * DAY, 80 * DAY), (facts, at) => {
        const lines = [...historyOf(facts).views({ T: T0 + at })].map(({ view }) => stateLine(view));
        expect(lines.join('')).toBe(reference(facts, T0 + at));
      }),
      { seed: 20260310, numRuns: 1500 },
    );
  });
});

describe('findings of borders', () => {
  it('D3 knows exactly what was accepted after the expiry, and when last, in buckets of any width', () => {
    fc.assert(
      fc.property(simple, (facts) => {
        const T = T0 + 80 * DAY;
        const history = historyOf(facts);
        for (const { view } of history.views({ T })) {
          if (view.expiry.kind !== 'at') continue;
          const exp = view.expiry.at!;
          const late = facts.filter(
            (f) =>
              f.subject === view.name &&
              /token\.(validated|renewed|rotated|consumed)\.v1$/.test(f.type) &&
              f.data['shadow'] !== true &&
              f.time >= exp &&
              f.time <= T,
          );
          const found = history.findings({ T }).filter((f) => f.rule === 'D3' && f.tokens.includes(view.name));
          const gateways = new Set(late.map((f) => f.gateway ?? f.source));
          expect(found.map((f) => f.gateway).sort()).toEqual([...gateways].sort());
          for (const { gateway, evidence } of found) {
            const uses = evidence['uses'] as { lateMs: number }[];
            const times = late.filter((f) => (f.gateway ?? f.source) === gateway).map((f) => f.time - exp);
            expect(Math.max(...uses.map((u) => u.lateMs))).toBe(Math.max(...times));
            expect(Math.min(...uses.map((u) => u.lateMs))).toBe(Math.min(...times));
          }
        }
      }),
      { seed: 7, numRuns: 300 },
    );
  });
});
