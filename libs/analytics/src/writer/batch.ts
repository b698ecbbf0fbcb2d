import { factOfRow, type LedgerScan, type RawRow } from '#ledger';
import { fullType, type Name, type RecordedFact } from '#lifecycle';
import { RecentMap } from '#platform';
import { shapeOf, type Shape } from './fact-rows.js';
import { Speakers, type Speaker } from './speakers.js';
import { tsvText } from './tsv.js';

/** Rows an insert: what ClickHouse takes in best (docs/analytics.md). */
export const BATCH_EVENTS = 10_000;
/** Positions that are rolled up to hours and days together. */
export const CHUNK = 2 ** 20;

/** A batch of the ledger: [start, end] are positions, both inclusive. It is never cut anew. */
export interface Bounds {
  start: number;
  end: number;
}

export interface FamilyEdges {
  tenant: string;
  position: number;
  token: Name;
  others: readonly Name[];
}

/** The rows of a batch by table, tab-separated. */
export interface BatchRows extends Bounds {
  events: number;
  facts: number;
  /** Sum of the first 64 bits of the facts' record keys, modulo 2^64. */
  digest: bigint;
  /** Latest recordedAt; in ms. */
  recordedAt: number;
  factRows: string;
  attributeRows: string;
  speakerRows: string;
  edges: FamilyEdges[];
  /** Set if the batch ends with a change of authority: whose. */
  resettles: string | undefined;
}

/** Whether a fact counts under the settings of its tenant as they are at this point of the ledger. */
export type Counts = (fact: RecordedFact) => boolean;

/** Events that conclude something: they are no facts and fold to nothing. */
const CONCLUSION = /^tallystick\.(finding|gate|rollback|access)\./;

/** Facts after which other facts have another authority. */
const RESETTLES: ReadonlySet<string> = new Set([fullType('settings.declared'), fullType('source.distrusted')]);

/**
 * The next batch after a position: at most 10,000 events, within one month recorded and one chunk of positions, not
 * past a change of authority, up to `end` where its bounds were journaled. Undefined if there is nothing.
 */
export function readBatch(
  scan: LedgerScan,
  after: number,
  end?: number,
): { rows: RawRow[]; bounds: Bounds } | undefined {
  const rows: RawRow[] = [];
  let month = 0;
  const to = Math.min(end ?? Infinity, (Math.floor(after / CHUNK) + 1) * CHUNK - 1);
  const options = { after: BigInt(after), ...(Number.isFinite(to) && { to: BigInt(to) }) };
  for (const row of scan.scanAll(options)) {
    if (rows.length === 0) month = monthOf(row.recordedAt);
    else if (end === undefined && (rows.length === BATCH_EVENTS || monthOf(row.recordedAt) !== month)) break;
    rows.push(row);
    if (end === undefined && RESETTLES.has(row.type)) break;
  }
  // A chunk's last positions may be unused: the next chunk begins behind them.
  if (rows.length === 0) return to < Number(scan.head()) ? readBatch(scan, to, end) : undefined;
  return { rows, bounds: { start: rows[0]!.position, end: end ?? rows.at(-1)!.position } };
}

/** Turns batches of events into rows; remembers the shapes seen last. */
export class BatchRowsMaker {
  private readonly shapes = new RecentMap<string, Shape>(20_000);
  private readonly speakers = new Speakers();

  make(rows: readonly RawRow[], { start, end }: Bounds, counts: Counts): BatchRows {
    const facts: string[] = [];
    const attributes = new Map<string, string>();
    const speakers = new Map<string, string>();
    const out: BatchRows = {
      start,
      end,
      events: rows.length,
      facts: 0,
      digest: 0n,
      recordedAt: 0,
      factRows: '',
      attributeRows: '',
      speakerRows: '',
      edges: [],
      resettles: undefined,
    };
    // Numbers of 64 bits are added in two halves: a bigint a row would cost as much as the rest.
    let high = 0;
    let low = 0;
    for (const row of rows) {
      if (row.recordedAt > out.recordedAt) out.recordedAt = row.recordedAt;
      if (CONCLUSION.test(row.type)) continue;
      const fact = factOfRow(row);
      const shape = this.shapeOf(row, fact);
      const { key, digest, ordinal } = fact.record;
      const first = shape.span?.first ?? fact.time;
      const last = shape.span?.last ?? fact.time;
      const conflict = row.metadata?.includes('"conflict"') === true ? 1 : 0;
      facts.push(
        `${row.position}\t${start}\t${monthOf(row.recordedAt)}\t${fact.time}\t${row.recordedAt}\t${first}\t${last}\t${key}\t${digest}\t${ordinal}\t${conflict}\t${shape.fact}`,
      );
      high += Number.parseInt(key.slice(0, 8), 16);
      low += Number.parseInt(key.slice(8, 16), 16);
      out.facts++;
      const { speaker } = shape;
      if (shape.attributes !== undefined) {
        const said = shape.attributes;
        if (!attributes.has(said)) attributes.set(said, `${row.position}\t${said}`);
      }
      if (speaker !== undefined) {
        const said = `${fact.tenant}\t${speaker.id}`;
        if (!speakers.has(said)) speakers.set(said, speakerRow(fact.tenant, speaker));
        if (RESETTLES.has(fact.type)) out.resettles = fact.tenant;
        if (shape.family !== undefined && counts(fact))
          out.edges.push({ tenant: fact.tenant, position: row.position, ...shape.family });
      }
    }
    out.digest = BigInt.asUintN(64, (BigInt(high) << 32n) + BigInt(low));
    out.factRows = facts.join('');
    out.attributeRows = [...attributes.values()].join('');
    out.speakerRows = [...speakers.values()].join('');
    return out;
  }

  private shapeOf(row: RawRow, fact: RecordedFact): Shape {
    const text = shapeText(row, fact);
    let shape = this.shapes.get(text);
    if (shape === undefined) this.shapes.set(text, (shape = shapeOf(fact, text, this.speakers)));
    return shape;
  }
}

/**
 * Everything that a stored fact says but its time, its record and its personal data. The first `,"names":{` is that of
 * the fact itself: before it stand texts, in which every quote is escaped.
 */
function shapeText({ type, data }: RawRow, fact: RecordedFact): string {
  const from = data.indexOf(',"names":{');
  const record = data.lastIndexOf(',"record":{"key":"');
  const personal = fact.personal === undefined ? -1 : data.lastIndexOf(',"personal":{"keyId":', record);
  const middle = data.slice(from, personal === -1 ? record : personal);
  return `${type}\n${fact.tenant}\n${fact.source}\n${fact.subject}\n${middle}`;
}

function speakerRow(tenant: string, { id, source, kind, issuer, byJti }: Speaker): string {
  const known = issuer === undefined ? 0 : 1;
  return `${tsvText(tenant)}\t${id}\t${tsvText(source)}\t${kind}\t${tsvText(issuer ?? '')}\t${known}\t${byJti ? 1 : 0}\n`;
}
export const SPEAKER_COLUMNS = ['tenant', 'speaker', 'source', 'kind', 'issuer', 'issuer_known', 'by_jti'] as const;

/** 202611 of an instant, in UTC. */
export function monthOf(recordedAt: number): number {
  if (recordedAt >= monthFrom && recordedAt < monthTo) return month;
  const date = new Date(recordedAt);
  const [year, number] = [date.getUTCFullYear(), date.getUTCMonth()];
  monthFrom = Date.UTC(year, number, 1);
  monthTo = Date.UTC(year, number + 1, 1);
  month = year * 100 + number + 1;
  return month;
}
let [monthFrom, monthTo, month] = [1, 0, 0];
