import type { AnalyticsEngine } from '../engine.js';
import type { Contested } from './contested.js';
import { readFencesAsked, type FencesAsked } from './fence-sql.js';
import { paramsOf, type Known } from './known.js';
import { NO_UUID } from './names-sql.js';

/** Where a token's facts are read from: what was aggregated, or, for a K long before the head, the facts themselves. */
export type OnsetSource = 'onsets' | 'facts';

/** What there is at (T, K) that a token's answer may hang on: a statement asks for nothing else. */
export interface PageShape {
  source: OnsetSource;
  /** Some gateways have a cut of their own. */
  hasGateways: boolean;
  hasSuspensions: boolean;
  hasSubjects: boolean;
  hasRenewals: boolean;
  hasFamilyEnds: boolean;
  hasCompromisedKeys: boolean;
  fences: FencesAsked;
  contested: Pick<Contested, 'hasPairs' | 'hasLabelledToks'>;
}

const THERE = (table: string, where: string): string =>
  `(SELECT count() FROM (SELECT 1 FROM {db}.${table} WHERE tenant = {tenant:String} AND position <= {K:UInt64} AND ${where} LIMIT 1))`;

export async function readPageShape(
  engine: AnalyticsEngine,
  known: Known,
  contested: Contested,
  T: number,
): Promise<Omit<PageShape, 'source' | 'hasGateways'>> {
  const text = await engine.text(
    `SELECT ${THERE('toggles', `startsWith(kind, 'token.')`)}, ${THERE('toggles', `startsWith(kind, 'subject.') AND at <= {T:Int64}`)},
      ${THERE('renewals', 'at <= {T:Int64}')}, ${THERE('family_ends', 'at <= {T:Int64}')},
      ${THERE('world_facts', `kind = 'key.compromised' AND time <= {T:Int64} AND kid != ${NO_UUID}`)}`,
    'TabSeparated',
    { ...paramsOf(known), T },
  );
  const [suspensions, subjects, renewals, ends, keys] = text
    .trim()
    .split('\t')
    .map((each) => each === '1');
  return {
    hasSuspensions: suspensions!,
    hasSubjects: subjects!,
    hasRenewals: renewals!,
    hasFamilyEnds: ends!,
    hasCompromisedKeys: keys!,
    fences: await readFencesAsked(engine, known, T),
    contested,
  };
}
