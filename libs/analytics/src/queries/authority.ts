import { fullType, Resolver, settingsOf, type ObservationType, type RecordedFact } from '#lifecycle';
import type { AnalyticsEngine } from '../engine.js';

/** Under which settings a query counts: who speaks without authority, and whose versions a source stamps. */
export interface QueryAuthority {
  /** Speakers whose facts are claims without effect (MODEL §3.2); UInt64, decimal. */
  claimed: string[];
  /** Sources, and beside each the component whose versions it stamps. */
  sources: string[];
  components: string[];
}

interface SpeakerRow {
  speaker: string;
  source: string;
  kind: ObservationType;
  issuer: string;
  issuer_known: number;
  by_jti: number;
}

/**
 * Read from what ClickHouse itself has reached, so that an answer is of one piece. A source that is distrusted for all
 * time is without authority as a whole; one that is distrusted for a while is not, for rollups know no instants.
 */
export async function readAuthority(engine: AnalyticsEngine, tenant: string): Promise<QueryAuthority> {
  const resolver = await resolverOf(engine, tenant);
  const speakers = await engine.rows<SpeakerRow>(
    `SELECT toString(speaker) AS speaker, source, kind, issuer, issuer_known, by_jti
     FROM {db}.speakers FINAL WHERE tenant = {tenant:String} ORDER BY source, speaker`,
    { tenant },
  );
  const claimed = speakers.filter((each) => !hasAuthority(resolver, tenant, each)).map(({ speaker }) => speaker);
  const sources = [...new Set(speakers.map(({ source }) => source))];
  return { claimed, sources, components: sources.map((source) => resolver.profile(source)?.component ?? '') };
}

async function resolverOf(engine: AnalyticsEngine, tenant: string): Promise<Resolver> {
  const rows = await engine.rows<{ kind: string; at: number; source: string; id: string; data: string }>(
    `SELECT kind, time AS at, source, concat(toString(record_key), toString(record_digest)) AS id, data
     FROM {db}.world_facts FINAL
     WHERE tenant = {tenant:String} AND kind IN ('settings.declared', 'source.distrusted')`,
    { tenant },
  );
  const facts = rows.map(({ kind, at, source, id, data }) =>
    factOf({
      tenant,
      source,
      kind: kind as ObservationType,
      at,
      id,
      data: JSON.parse(data) as Record<string, unknown>,
    }),
  );
  const { settings, distrusted } = settingsOf(facts);
  return new Resolver(settings, distrusted);
}

function hasAuthority(resolver: Resolver, tenant: string, speaker: SpeakerRow): boolean {
  const { source, kind, issuer, issuer_known: known, by_jti: byJti } = speaker;
  const data = known === 1 ? { issuer } : {};
  // Any instant will do for a source that is distrusted always: this one lies beyond every shorter distrust.
  const fact = factOf({ tenant, source, kind, at: Number.MAX_SAFE_INTEGER, id: '', data });
  const named: RecordedFact = byJti === 1 ? { ...fact, names: { jti: '' } } : fact;
  const resolved = resolver.resolve(named);
  return resolved !== undefined && resolved.authority !== 'claimed';
}

function factOf(of: {
  tenant: string;
  source: string;
  kind: ObservationType;
  at: number;
  id: string;
  data: Record<string, unknown>;
}): RecordedFact {
  const { tenant, source, kind, at, id, data } = of;
  const record = { key: '', digest: '', ordinal: 0 };
  const type = fullType(kind);
  return { id, type, source, tenant, subject: '', time: at, names: {}, data, record, position: 0n, recordedAt: at };
}
