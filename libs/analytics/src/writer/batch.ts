import { factOfRow, type LedgerScan, type RawRow } from '#ledger';
import { fullType, isConclusion, type Name, type RecordedFact, type RecordRef } from '#lifecycle';
import { RecentMap } from '#platform';
import { shapeOf, type Shape } from './fact-rows.js';
import { findingRow } from './finding-rows.js';
import { hash64, Speakers, type Speaker } from './speakers.js';
import { readStoredText } from './stored-text.js';
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
  /** Of the last event: see `tailOf`. */
  tail: string;
  factRows: string;
  attributeRows: string;
  speakerRows: string;
  findingRows: string;
  edges: FamilyEdges[];
  /** Set if the batch ends with a change of authority: whose. */
  resettles: string | undefined;
}

/** Whether a fact counts under the settings of its tenant as they are at this point of the ledger. */
export type Counts = (fact: RecordedFact) => boolean;

/** Who looked at what: no fact either. */
const ACCESS = 'tallystick.access.';

/** Facts after which other facts have another authority. */
const RESETTLES: ReadonlySet<string> = new Set([fullType('settings.declared'), fullType('source.distrusted')]);

/**
 * The next batch after a position: at most so many events, within one month recorded and one chunk of positions, not
 * past a change of authority, up to `end` where its bounds were journaled. Undefined if there is nothing.
 */
export function readBatch(
  scan: LedgerScan,
  after: number,
  { end, events = BATCH_EVENTS }: { end?: number | undefined; events?: number } = {},
): { rows: RawRow[]; bounds: Bounds } | undefined {
  const rows: RawRow[] = [];
  let month = 0;
  const to = Math.min(end ?? Infinity, (Math.floor((after + 1) / CHUNK) + 1) * CHUNK - 1);
  const options = { after: BigInt(after), ...(Number.isFinite(to) && { to: BigInt(to) }) };
  for (const row of scan.scanAll(options)) {
    if (rows.length === 0) month = monthOf(row.recordedAt);
    else if (end === undefined && (rows.length === events || monthOf(row.recordedAt) !== month)) break;
    rows.push(row);
    if (end === undefined && RESETTLES.has(row.type)) break;
  }
  // A chunk's last positions may be unused: the next chunk begins behind them.
  if (rows.length === 0)
    return to < Math.min(end ?? Infinity, Number(scan.head())) ? readBatch(scan, to, { end, events }) : undefined;
  return { rows, bounds: { start: rows[0]!.position, end: end ?? rows.at(-1)!.position } };
}

/** What tells an event from any other one at its position: 64 bits, decimal. */
export function tailOf({ recordedAt, type, data }: RawRow): string {
  return hash64(`${recordedAt}\n${type}\n${data}`);
}

/** Turns batches of events into rows; remembers the shapes seen last. */
export class BatchRowsMaker {
  private readonly shapes = new RecentMap<string, Shape>(20_000);
  private readonly speakers = new Speakers();

  make(rows: readonly RawRow[], { start, end }: Bounds, counts: Counts): BatchRows {
    const facts: string[] = [];
    const attributes = new Map<string, string>();
    const speakers = new Map<string, string>();
    const findings: string[] = [];
    const out: BatchRows = {
      start,
      end,
      events: rows.length,
      facts: 0,
      digest: 0n,
      recordedAt: 0,
      tail: rows.length === 0 ? '0' : tailOf(rows.at(-1)!),
      factRows: '',
      attributeRows: '',
      speakerRows: '',
      findingRows: '',
      edges: [],
      resettles: undefined,
    };
    // Numbers of 64 bits are added in two halves: a bigint a row would cost as much as the rest.
    let high = 0;
    let low = 0;
    for (const row of rows) {
      if (row.recordedAt > out.recordedAt) out.recordedAt = row.recordedAt;
      if (isConclusion(row.type) || row.type.startsWith(ACCESS)) {
        const finding = findingRow(row);
        if (finding !== undefined) findings.push(finding);
        continue;
      }
      const { shape, time, record } = this.read(row);
      const { key, digest, ordinal } = record;
      const first = shape.span?.first ?? time;
      const last = shape.span?.last ?? time;
      const conflict = row.metadata?.includes('"conflict"') === true ? 1 : 0;
      facts.push(
        `${row.position}\t${start}\t${monthOf(row.recordedAt)}\t${time}\t${row.recordedAt}\t${first}\t${last}\t${key}\t${digest}\t${ordinal}\t${conflict}\t${shape.fact}`,
      );
      high += Number.parseInt(key.slice(0, 8), 16);
      low += Number.parseInt(key.slice(8, 16), 16);
      out.facts++;
      const { speaker, tenant } = shape;
      if (shape.attributes !== undefined) {
        const said = shape.attributes;
        if (!attributes.has(said)) attributes.set(said, `${row.position}\t${said}`);
      }
      if (speaker !== undefined) {
        const said = `${tenant}\t${speaker.id}`;
        if (!speakers.has(said)) speakers.set(said, speakerRow(tenant, speaker));
        if (RESETTLES.has(row.type)) out.resettles = tenant;
        if (shape.family !== undefined && counts(factOfRow(row)))
          out.edges.push({ tenant, position: row.position, ...shape.family });
      }
    }
    out.digest = BigInt.asUintN(64, (BigInt(high) << 32n) + BigInt(low));
    out.factRows = facts.join('');
    out.attributeRows = [...attributes.values()].join('');
    out.speakerRows = [...speakers.values()].join('');
    out.findingRows = findings.join('');
    return out;
  }

  /** Most facts say what an earlier one said, at another time: only what is new is parsed. */
  private read(row: RawRow): { shape: Shape; time: number; record: RecordRef } {
    const stored = readStoredText(row);
    if (stored === undefined) {
      const fact = factOfRow(row);
      const { time, record } = fact;
      const { names, data, version, gateway, region, api, source, tenant, subject } = fact;
      const text = JSON.stringify([row.type, source, tenant, subject, names, version, gateway, region, api, data]);
      return { shape: shapeOf(fact, text, this.speakers), time, record };
    }
    let shape = this.shapes.get(stored.shape);
    if (shape === undefined) {
      shape = shapeOf(factOfRow(row), stored.shape, this.speakers);
      this.shapes.set(stored.shape, shape);
    }
    return { shape, time: stored.time, record: stored.record };
  }
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
