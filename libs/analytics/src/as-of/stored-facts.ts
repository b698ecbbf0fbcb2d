import { fullType, shortType, type Name, type Names, type RecordedFact } from '#lifecycle';
import type { AnalyticsEngine, QueryParams } from '../engine.js';
import { NO_NAME, unmarked } from '../writer/tsv.js';
import { digitsOf, READING, rowsOf } from './names-sql.js';

const NAME_COLUMNS = ['jti', 'tok', 'cred', 'con', 'fam', 'sub', 'cli', 'kid', 'ses', 'net'] as const;
const TEXT_COLUMNS = ['kind', 'source', 'version', 'gateway', 'region', 'api'] as const;
/** In this order; what facts of one shape share comes last. */
const COLUMNS = [
  ...['position', 'time', 'recorded_at', digitsOf('record_key'), digitsOf('record_digest'), 'ordinal'],
  ...[digitsOf('name'), 'shape', 'subject', ...TEXT_COLUMNS, ...NAME_COLUMNS.map(digitsOf), 'data'],
];
const OF_SHAPE = 8;

/** What facts of one shape share: the parsed parts are one object, which folding recognises. */
type Shared = Omit<RecordedFact, 'id' | 'time' | 'record' | 'position' | 'recordedAt'>;

/**
 * Facts out of `facts` or `world_facts`, as the ledger's replay reads them.
 * @param where a condition on the columns of the table; the tenant is part of it.
 */
export async function readFacts(
  engine: AnalyticsEngine,
  tenant: string,
  table: 'facts' | 'world_facts',
  where: string,
  params: QueryParams,
): Promise<RecordedFact[]> {
  const text = await engine.text(
    `SELECT ${COLUMNS.join(', ')} FROM {db}.${table} WHERE tenant = {tenant:String} AND ${where} ORDER BY toUInt128(name), position`,
    'TabSeparated',
    { ...params, tenant },
    READING,
  );
  const out: RecordedFact[] = [];
  const shared = new Map<string, Shared>();
  let last = '';
  for (const row of rowsOf(text)) {
    // A batch that came twice may still stand there twice.
    if (row[0] === last) continue;
    last = row[0]!;
    const shape = `${row[6]} ${row[7]}`;
    let parts = shared.get(shape);
    if (parts === undefined) shared.set(shape, (parts = sharedOf(tenant, row)));
    out.push(factOf(parts, row));
  }
  return out;
}

function factOf(shared: Shared, row: readonly string[]): RecordedFact {
  const [position, time, recordedAt, key, digest, ordinal] = row as [string, string, string, string, string, string];
  return {
    // As the ledger's replay names them: equal for equal events.
    id: `${key}${digest}${ordinal}`,
    ...shared,
    time: Number(time),
    record: { key, digest, ordinal: Number(ordinal) },
    position: BigInt(position),
    recordedAt: Number(recordedAt),
  };
}

function sharedOf(tenant: string, row: readonly string[]): Shared {
  const [subject, kind, source, version, gateway, region, api, ...rest] = row
    .slice(OF_SHAPE)
    .map(plainText) as string[];
  const names: Names = {};
  NAME_COLUMNS.forEach((column, i) => {
    const name = rest[i]!;
    if (name !== NO_NAME) names[column] = name;
  });
  const name = row[6] as Name;
  const out: Shared = {
    type: shortType(fullType(kind!)) === undefined ? kind! : fullType(kind!),
    source: source!,
    tenant,
    subject: name === NO_NAME ? subject! : name,
    names,
    data: JSON.parse(rest[NAME_COLUMNS.length]!) as Record<string, unknown>,
  };
  if (version !== '') out.version = version!;
  if (gateway !== '') out.gateway = gateway!;
  if (region !== '') out.region = region!;
  if (api !== '') out.api = api!;
  return out;
}

const ESCAPED = /\\(.)/g;
const PLAIN: Record<string, string> = { t: '\t', n: '\n', r: '\r', '0': '\0', b: '\b', f: '\f' };

/** A field of tab-separated rows as text. */
export function plainText(field: string): string {
  return unmarked(
    field.includes('\\') ? field.replace(ESCAPED, (_all, character: string) => PLAIN[character] ?? character) : field,
  );
}
