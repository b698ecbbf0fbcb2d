import {
  rankOf,
  thresholdsOf,
  worldUnder,
  type Name,
  type ObservationType,
  type RecordedFact,
  type World,
} from '#lifecycle';
import type { AnalyticsEngine, QueryParams } from '../engine.js';
import { unmarkedJson } from '../writer/tsv.js';
import { rowsOf } from './names-sql.js';
import { readFacts } from './stored-facts.js';

/** A rename that counts (MODEL §1.5). */
export interface Rename {
  from: Name;
  to: Name;
}

/**
 * What is known of one tenant at K that every token's answer hangs on: settings, who has which authority under them,
 * what is distrusted, which records have several variants, what was renamed.
 */
export interface Known {
  tenant: string;
  /** K: rows with a later position are never looked at. */
  position: bigint;
  /** The facts that are not about one token and not about one family, subject or fence: few, and always at hand. */
  worldFacts: readonly RecordedFact[];
  /** Under the settings at K, without facts. */
  world: World;
  /** Speakers whose facts have no effect. */
  claimed: readonly bigint[];
  /** Speakers with an authority, and its rank, in the same order. */
  heard: { ids: readonly bigint[]; ranks: readonly number[] };
  /** For each `source.distrusted` the speakers of its source. */
  distrusts: readonly { source: string; from: number; to: number; speakers: readonly bigint[] }[];
  conflictKeys: ReadonlySet<string>;
  renames: readonly Rename[];
  renameFacts: readonly RecordedFact[];
  birthSlack: number;
  futureSlack: number;
}

const ALWAYS = ['settings', 'source', 'deployment', 'key', 'legalhold', 'attestation'];

/** Reads what is known at K. */
export async function readKnown(engine: AnalyticsEngine, tenant: string, position: bigint): Promise<Known> {
  const K = { K: position };
  const [worldFacts, conflicts, renameFacts, speakers] = await Promise.all([
    readFacts(
      engine,
      tenant,
      'world_facts',
      `position <= {K:UInt64} AND (${ALWAYS.map((thing) => `startsWith(kind, '${thing}.')`).join(' OR ')})`,
      K,
    ),
    engine.text(
      `SELECT DISTINCT lower(hex(record_key)) FROM {db}.conflicts WHERE tenant = {tenant:String} AND position <= {K:UInt64}`,
      'TabSeparated',
      { tenant, ...K },
    ),
    readFacts(
      engine,
      tenant,
      'facts',
      `(toUInt128(name), position) IN (SELECT toUInt128(name), position FROM {db}.renames WHERE tenant = {tenant:String} AND position <= {K:UInt64})`,
      K,
    ),
    engine.text(
      `SELECT DISTINCT speaker, source, kind, issuer, issuer_known, by_jti FROM {db}.speakers WHERE tenant = {tenant:String}`,
      'JSONCompact',
      { tenant },
      { output_format_json_quote_64bit_integers: 1 },
    ),
  ]);
  const conflictKeys = new Set([...rowsOf(conflicts)].map(([key]) => key!));
  const world = worldUnder(worldFacts, conflictKeys);
  const { settings, resolver, distrusted } = world;
  const said = (
    JSON.parse(unmarkedJson(speakers)) as { data: [string, string, ObservationType, string, number, number][] }
  ).data;
  const claimed: bigint[] = [0n];
  const heard = { ids: [] as bigint[], ranks: [] as number[] };
  for (const [id, source, kind, issuer, known, byJti] of said) {
    const authority = resolver.authorityOfSpeaker(source, kind, known === 1 ? issuer : undefined, byJti === 1);
    if (authority === 'claimed') claimed.push(BigInt(id));
    else {
      heard.ids.push(BigInt(id));
      heard.ranks.push(rankOf(authority));
    }
  }
  const { birthSlack, futureSlack } = thresholdsOf(settings);
  const renames: Rename[] = [];
  for (const fact of renameFacts) {
    const resolved = resolver.resolve(fact);
    if (resolved !== undefined && resolved.authority !== 'claimed')
      renames.push({ from: String(fact.data['from']), to: String(fact.data['to']) });
  }
  return {
    tenant,
    position,
    worldFacts,
    world,
    claimed,
    heard,
    distrusts: distrusted.map((each) => ({
      ...each,
      speakers: said.filter(([, source]) => source === each.source).map(([id]) => BigInt(id)),
    })),
    conflictKeys,
    renames,
    renameFacts,
    birthSlack,
    futureSlack,
  };
}

/** Parameters that statements of as-of share. */
export function paramsOf({ tenant, position, claimed, heard }: Known): QueryParams {
  return { tenant, K: position, claimed, heard: heard.ids, ranks: heard.ranks };
}

/**
 * A condition that leaves out what a distrusted source stated within its time.
 * @param at the column of the fact's own time.
 */
export function trusted({ distrusts }: Known, at: string): string {
  return distrusts
    .filter(({ speakers }) => speakers.length > 0)
    .map(({ from, to, speakers }) => `NOT (speaker IN (${speakers.join(', ')}) AND ${within(at, from, to)})`)
    .concat('1')
    .join(' AND ');
}

export function within(at: string, from: number, to: number): string {
  const bounds = [
    ...(Number.isFinite(from) ? [`${at} >= ${Math.ceil(from)}`] : []),
    ...(Number.isFinite(to) ? [`${at} <= ${Math.floor(to)}`] : []),
  ];
  return bounds.length === 0 ? '1' : bounds.join(' AND ');
}
