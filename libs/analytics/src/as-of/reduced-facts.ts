import type { Borders, Name, RecordedFact } from '#lifecycle';
import type { AnalyticsEngine, QueryParams } from '../engine.js';
import type { Known } from './known.js';
import { digitsOf, numbersOf, READING, rowsOf } from './names-sql.js';
import { readFacts } from './stored-facts.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** As the core keeps uses (MODEL §5.4): by the hour when older than this before the latest, then by the day. */
const HOURLY_AFTER = 48 * HOUR;
const DAILY_AFTER = 60 * DAY;

const NAMED = 'toUInt128(name) IN {names:Array(UInt128)}';

/** Batches that K does not cut, and the one that it cuts: its facts are read one by one. */
interface Batches {
  /** The last batch that counts whole starts before this position. */
  before: number;
  cut: boolean;
}

/** How many uses some tokens have, at most. */
export async function countUses(
  engine: AnalyticsEngine,
  { tenant, position }: Known,
  names: Iterable<Name>,
): Promise<number> {
  const [row] = await engine.rows<{ uses: number }>(
    `SELECT sum(facts) AS uses FROM {db}.token_minutes WHERE tenant = {tenant:String} AND ${NAMED} AND batch <= {K:UInt64}`,
    { tenant, K: position, names: numbersOf(names) },
    READING,
  );
  return row?.uses ?? 0;
}

/** Facts that stand for all, and the buckets that they stand for: no border may fall between first and last. */
export interface Reduced {
  facts: RecordedFact[];
  spans: { first: number; last: number }[];
}

/**
 * The facts of some tokens with their uses reduced to what the core keeps of them: of the uses of one shape in one
 * bucket the first, the last, and one between where there is any. A fold of these gives what a fold of all gives, as
 * long as no border but those given cuts a bucket.
 */
export class ReducedFacts {
  private constructor(
    private readonly read: (where: string) => Promise<RecordedFact[]>,
    private readonly engine: AnalyticsEngine,
    private readonly params: QueryParams,
    /** By name and shape: the fact that stands for all of it. */
    private readonly exemplars: ReadonlyMap<string, RecordedFact>,
    /** What no other fact stands for. */
    private readonly apart: readonly RecordedFact[],
  ) {}

  static async of(engine: AnalyticsEngine, known: Known, names: Iterable<Name>): Promise<ReducedFacts> {
    const params: QueryParams = { tenant: known.tenant, K: known.position, names: numbersOf(names) };
    const read = (where: string, more: QueryParams = {}): Promise<RecordedFact[]> =>
      readFacts(engine, known.tenant, 'facts', `${NAMED} AND position <= {K:UInt64} AND (${where})`, {
        ...params,
        ...more,
      });
    const batches = await readBatches(engine, known);
    const shapes = await readShapes(engine, params, batches);
    const positions = shapes.map(({ position }) => position);
    const byPosition = new Map(
      (await read('position IN {positions:Array(UInt64)}', { positions })).map((fact) => [Number(fact.position), fact]),
    );
    const several = await shapesOfConflicts(engine, known, params);
    const factOf = ({ position }: ShapeOf): RecordedFact => byPosition.get(position)!;
    const reducible = shapes.filter((shape) => !several.has(shape.shape) && isReducible(factOf(shape), shape, known));
    const whole = shapes.filter((shape) => !reducible.includes(shape)).map(({ shape }) => shape);
    // Later than it is it must not be: a bucket that is too wide says too little, one that is too narrow is widened.
    const heard = reducible.filter((shape) => known.world.resolver.resolve(factOf(shape))?.authority !== 'claimed');
    const latest = Math.max(...heard.map((shape) => shape.last), -Infinity);
    const apart = [
      `outcome = ''`,
      ...(batches.cut ? [`batch = ${batches.before}`] : []),
      ...(whole.length > 0 ? [`shape IN (${whole.join(', ')})`] : []),
    ];
    const more = { before: batches.before, whole: whole.map(BigInt), latest: Number.isFinite(latest) ? latest : 0 };
    const exemplars = new Map(reducible.map((shape) => [`${shape.name} ${shape.shape}`, factOf(shape)]));
    return new ReducedFacts(read, engine, { ...params, ...more }, exemplars, await read(apart.join(' OR ')));
  }

  /** @param borders instants that cut buckets; what they cut is read fact by fact. */
  async cutAt(borders: Borders): Promise<Reduced> {
    const params = { ...this.params, borders: [...borders] };
    const straddled = (await straddledPositions(this.engine, params)).map(
      ({ start, end, first, last }) =>
        `(position BETWEEN ${start} AND ${end} AND first_at BETWEEN ${first} AND ${last})`,
    );
    const between = straddled.length === 0 ? [] : await this.read(straddled.join(' OR '));
    const { facts, spans } = await readBuckets(this.engine, params, this.exemplars);
    return { facts: [...this.apart, ...between, ...facts], spans };
  }
}

/** Shapes with facts of records that have several variants: which of them count as they are depends on the record. */
async function shapesOfConflicts(engine: AnalyticsEngine, known: Known, params: QueryParams): Promise<Set<string>> {
  if (known.conflictKeys.size === 0) return new Set();
  const text = await engine.text(
    `SELECT DISTINCT shape FROM {db}.facts WHERE tenant = {tenant:String} AND ${NAMED} AND record_key IN {keys:Array(UUID)}`,
    'TabSeparated',
    { ...params, keys: [...known.conflictKeys] },
    READING,
  );
  return new Set([...rowsOf(text)].map(([shape]) => shape!));
}

interface ShapeOf {
  name: Name;
  shape: string;
  /** Of one fact of it. */
  position: number;
  last: number;
  ahead: number;
}

/** A shape whose facts may stand for one another: nothing in it depends on more than the time. */
function isReducible(fact: RecordedFact, { ahead }: ShapeOf, known: Known): boolean {
  const { data } = fact;
  if (data['firstAt'] !== undefined || data['lastAt'] !== undefined || ahead > known.futureSlack) return false;
  if ((data['proof'] as { id?: unknown } | undefined)?.id !== undefined) return false;
  return !known.distrusts.some(({ source }) => source === fact.source);
}

async function readBatches(engine: AnalyticsEngine, { position }: Known): Promise<Batches> {
  const [row] = await engine.rows<{ start: number }>(
    'SELECT max(start) AS start FROM {db}.batches WHERE start <= {K:UInt64} AND end > {K:UInt64}',
    { K: position },
    READING,
  );
  const cut = row !== undefined && row.start > 0;
  return { before: cut ? row.start : Number(position) + 1, cut };
}

async function readShapes(engine: AnalyticsEngine, params: QueryParams, { before }: Batches): Promise<ShapeOf[]> {
  const text = await engine.text(
    `SELECT ${digitsOf('name')}, shape, min(first_position), max(last_at), max(ahead) FROM {db}.token_minutes
     WHERE tenant = {tenant:String} AND ${NAMED} AND batch < {before:UInt64} GROUP BY name, shape`,
    'TabSeparated',
    { ...params, before },
    READING,
  );
  return [...rowsOf(text)].map(([name, shape, position, last, ahead]) => ({
    name: name!,
    shape: shape!,
    position: Number(position),
    last: Number(last),
    ahead: Number(ahead),
  }));
}

const MINUTES = `{db}.token_minutes WHERE tenant = {tenant:String} AND ${NAMED} AND batch < {before:UInt64}
  AND shape NOT IN {whole:Array(UInt64)}`;
const STRADDLES = 'arrayExists(border -> first_at < border AND border <= last_at, {borders:Array(Int64)})';

/** Where the facts of minutes stand that a border cuts. */
async function straddledPositions(
  engine: AnalyticsEngine,
  params: QueryParams,
): Promise<{ start: number; end: number; first: number; last: number }[]> {
  return engine.rows(
    `SELECT batches.start AS start, max(batches.end) AS end, min(minutes.first) AS first, max(minutes.last) AS last FROM (
       SELECT batch, first_at AS first, last_at AS last FROM ${MINUTES} AND ${STRADDLES}
     ) AS minutes INNER JOIN {db}.batches AS batches ON minutes.batch = batches.start
     GROUP BY start`,
    params,
    READING,
  );
}

/** The uses of minutes that no border cuts, as first, last, and one between. */
async function readBuckets(
  engine: AnalyticsEngine,
  params: QueryParams,
  exemplarOf: ReadonlyMap<string, RecordedFact>,
): Promise<Reduced> {
  const text = await engine.text(
    `SELECT ${digitsOf('name')}, shape, min(first_at), max(last_at),
       max(instants) > 2 OR length(groupUniqArrayArray(3)([first_at, last_at])) > 2
     FROM (
       SELECT name, shape, first_at, last_at, instants, arrayCount(border -> border <= first_at, {borders:Array(Int64)}) AS segment,
         multiIf(
           day + ${DAY} <= {latest:Int64} - ${DAILY_AFTER}, day,
           hour + ${HOUR} <= {latest:Int64} - ${HOURLY_AFTER}, hour,
           minute) AS bucket,
         minute - positiveModulo(minute, ${HOUR}) AS hour, minute - positiveModulo(minute, ${DAY}) AS day
       FROM ${MINUTES} AND NOT ${STRADDLES}
     ) GROUP BY name, shape, segment, bucket`,
    'TabSeparated',
    params,
    READING,
  );
  const out: Reduced = { facts: [], spans: [] };
  for (const [name, shape, first, last, more] of rowsOf(text)) {
    const exemplar = exemplarOf.get(`${name} ${shape}`)!;
    const [from, to] = [Number(first), Number(last)];
    out.facts.push(usedAt(exemplar, from));
    if (to === from) continue;
    out.facts.push(usedAt(exemplar, to));
    out.spans.push({ first: from, last: to });
    // Which instant lies between makes no odds: no border does.
    if (more === '1') out.facts.push(usedAt(exemplar, from + 1));
  }
  return out;
}

/** A use like another one, at another time and of no record; what it shares is shared: a fold sees a repeat. */
function usedAt(exemplar: RecordedFact, time: number): RecordedFact {
  return { ...exemplar, time, recordedAt: Math.max(time, exemplar.recordedAt), record: NO_RECORD };
}
const NO_RECORD = { key: '', digest: '', ordinal: 0 };
