import type { AnalyticsEngine } from '../engine.js';
import { paramsOf, trusted, type Known } from './known.js';
import { NEVER, NO_UUID, READING } from './names-sql.js';

/** By which name a fence finds its tokens: the most selective one that it names. */
export const SELECTIVE = ['ses', 'sub', 'cli', 'kid'] as const;
export type Selective = (typeof SELECTIVE)[number];

const BY = `multiIf(${SELECTIVE.map((name) => `fences.${name} != ${NO_UUID}, '${name}'`).join(', ')}, '')`;

/** Fences that were raised by T and count. */
export const COUNTING = (known: Known): string =>
  `tenant = {tenant:String} AND position <= {K:UInt64} AND at <= {T:Int64} AND speaker NOT IN {claimed:Array(UInt64)} AND ${trusted(known, 'at')}`;

/** What fences raised up to T ask of a token: nothing is computed that no fence asks for. */
export interface FencesAsked {
  by: readonly Selective[];
  ses: boolean;
  kinds: boolean;
  offline: boolean;
}

export async function readFencesAsked(engine: AnalyticsEngine, known: Known, T: number): Promise<FencesAsked> {
  const rows = await engine.rows<{ by: Selective | ''; ses: number; kinds: number; offline: number }>(
    `SELECT ${BY} AS by, max(fences.ses != ${NO_UUID}) AS ses, max(token_kind != '') AS kinds, max(fences.offline != -1) AS offline
     FROM {db}.fences WHERE ${COUNTING(known)} GROUP BY by`,
    { ...paramsOf(known), T },
    READING,
  );
  const asked = rows.filter(({ by }) => by !== '');
  return {
    by: SELECTIVE.filter((name) => asked.some(({ by }) => by === name)),
    ses: asked.some(({ ses }) => ses === 1),
    kinds: asked.some(({ kinds }) => kinds === 1),
    offline: asked.some(({ offline }) => offline === 1),
  };
}

/** The fences of each selective name: what they match, their cutoffs, and when they were raised. */
export function fencesBy(known: Known, by: Selective): string {
  return `SELECT toUInt128(${by}) AS n, groupArray((sub, cli, kid, ses, token_kind, offline, cutoff, at)) AS fences
    FROM {db}.fences
    WHERE ${COUNTING(known)} AND ${BY} = '${by}'
    GROUP BY n`;
}

/**
 * The smallest effectiveAt over all fences that match with a cutoff > birth (MODEL §9.2); never without. The token's
 * columns are those of `tokens`.
 */
export function fencedAt(by: Selective, asked: FencesAsked): string {
  const has = (name: Selective, at: number): string => {
    const matches = name === 'ses' && !asked.ses ? '0' : `toUInt128(f.${at}) = mark_${name}`;
    return name === by ? '1' : `(f.${at} = ${NO_UUID} OR ${matches})`;
  };
  const conditions = [has('sub', 1), has('cli', 2), has('kid', 3), has('ses', 4), 'birth < f.7'];
  if (asked.kinds) conditions.push(`(f.5 = '' OR has(marks_kinds, f.5))`);
  if (asked.offline) conditions.push(`multiIf(f.6 = 1, is_offline, f.6 = 0, is_online, 1)`);
  return `arrayMin(arrayPushBack(arrayMap(f -> if(${conditions.join(' AND ')}, f.8, ${NEVER}), fences_${by}.fences), ${NEVER}))`;
}
