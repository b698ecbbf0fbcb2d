import {
  stateLine,
  type Borders,
  type Cut,
  type FoldedUnit,
  type FoldedView,
  type Links,
  type Name,
  History,
} from '#lifecycle';
import type { Sighting } from '#ledger';
import type { AnalyticsEngine, QueryParams } from '../engine.js';
import { heldText } from '../writer/tsv.js';
import { readPageShape, type OnsetSource, type PageShape } from './asked.js';
import { aliasesOf, readContested, type Contested } from './contested.js';
import { FetchedSource } from './fetched-source.js';
import { historyOf, longUnitsOf, unitsOf, type Doubts } from './judged.js';
import { countUses } from './reduced-facts.js';
import { paramsOf, readKnown, type Known } from './known.js';
import { nameRanges } from './name-ranges.js';
import { digitsOf, numberOf, numbersOf, READING, rowsOf } from './names-sql.js';
import { pageSql } from './page-sql.js';
import { readClocks, readSightings } from './seen.js';
import { linesOf, mergeSorted, readPage } from './state-lines.js';

/** The tables, and how far they have come. */
export interface Tables {
  engine: AnalyticsEngine;
  /** Last position that every table has. */
  reached: bigint;
}

export interface AskedStates {
  /** The facts instead of what was aggregated: for a K long before the head. Default: by how long. */
  source?: OnsetSource;
  /** Tokens a page; default 200,000. */
  page?: number;
  /** Names from this one on. */
  from?: Name;
}

const TOKENS_A_PAGE = 200_000;
/** From this share of positions after K on, the facts are read instead of the onsets. */
const LONG_AGO = 0.05;
/** Up to so many contested names the core judges what SQL does not. */
const FEW_CONTESTED = 100_000;
/** From so many uses on the facts of a token are not read one by one. */
const LONG = 20_000;
/** Tokens that the core judges at a time. */
const JUDGED_AT_ONCE = 5_000;

/** The states of all tokens of one tenant as known at K, out of ClickHouse: to the last row those of the replay. */
export class AsOfStates {
  private knownAtK: Promise<Known> | undefined;
  private doubts: Promise<Contested> | undefined;
  /** How many lines SQL gave by itself, and how many the core judged. */
  readonly share = { plain: 0, judged: 0 };

  /** @param K position up to which facts are known; at most what the tables have reached. */
  constructor(
    private readonly tables: Tables,
    private readonly tenant: string,
    readonly K: bigint,
  ) {}

  /** The lines of the state digest (MODEL §5.9) at a cut, in order of name, newline-ended, a page in one text. */
  async *texts(cut: Cut, asked: AskedStates = {}): AsyncGenerator<string> {
    const { engine } = this.tables;
    const [known, contested] = [await this.known(), await this.contested()];
    const shape: PageShape = {
      ...(await readPageShape(engine, known, contested, cut.T)),
      source: asked.source ?? this.source(),
      hasGateways: (cut.gateways?.size ?? 0) > 0,
    };
    const sql = pageSql(known, shape);
    const judgedBefore = await this.judgedLines([...contested.names], cut);
    const shared = {
      ...paramsOf(known),
      ...cutParams(cut),
      conflictKeys: [...known.conflictKeys],
      families: numbersOf(contested.families),
    };
    const page = ([from, before]: [Name, Name]): Promise<string> => {
      const names = [...contested.names].filter((name) => name >= from && name < before);
      const params = { ...shared, contested: numbersOf(names), from: numberOf(from), before: numberOf(before) };
      return engine.text(sql, 'TabSeparated', params, READING);
    };
    const ranges = await nameRanges(engine, this.tenant, asked.page ?? TOKENS_A_PAGE, asked.from);
    let reading = page(ranges[0]!);
    try {
      for (const [i, [from, before]] of ranges.entries()) {
        const { lines, judge } = readPage(await reading);
        // The next page is read while this one is looked at.
        if (i + 1 < ranges.length) reading = page(ranges[i + 1]!);
        this.share.plain += lines.length;
        const isHere = (line: string): boolean => line >= from && line < before;
        const judged = (await this.judgedLines(judge, cut)).filter(isHere);
        yield mergeSorted(mergeSorted(lines, judged), judgedBefore.filter(isHere)).join('');
      }
    } finally {
      await reading.catch(() => undefined);
    }
  }

  /** As `texts`, line by line. */
  async *lines(cut: Cut, asked: AskedStates = {}): AsyncGenerator<string> {
    for await (const text of this.tables.engine.whole(this.texts(cut, asked))) yield* linesOf(text);
  }

  /**
   * The tokens of the units that these names belong to, judged by the core from their facts, and what joins their names.
   * @param longFrom with so many uses or more, buckets of uses stand for the facts.
   */
  async tokens(
    names: readonly Name[],
    cut: Cut,
    borders: Borders = [],
    longFrom = LONG,
  ): Promise<{ views: FoldedView[]; links: Links }> {
    const { engine } = this.tables;
    const known = await this.known();
    const uses = await countUses(engine, known, await aliasesOf(engine, known, names));
    const { history, units } =
      uses >= longFrom
        ? await longUnitsOf(engine, { known }, names, cut, borders)
        : await this.shortUnits({ known }, names, cut, borders);
    return { views: units.flatMap(({ views }) => views), links: history.links };
  }

  private async shortUnits(
    read: Doubts,
    names: readonly Name[],
    cut: Cut,
    borders: Borders = [],
  ): Promise<{ history: History; units: FoldedUnit[] }> {
    const history = await historyOf(this.tables.engine, read, names);
    return { history, units: unitsOf(history, names, cut, borders) };
  }

  /** Names with these first digits under which facts stand. */
  async namesWith(digits: string): Promise<Name[]> {
    const text = await this.tables.engine.text(
      `SELECT DISTINCT ${digitsOf('name')} FROM {db}.onsets
       WHERE tenant = {tenant:String} AND toUInt128(name) >= {from:UInt128} AND toUInt128(name) <= {to:UInt128}`,
      'TabSeparated',
      { tenant: this.tenant, from: numberOf(digits.padEnd(32, '0')), to: numberOf(digits.padEnd(32, 'f')) },
      READING,
    );
    return [...rowsOf(text)].flat();
  }

  /** Whether so many tokens are contested (all names were renamed, a source is distrusted) that a replay is faster. */
  async isForTheCore(): Promise<boolean> {
    return (await this.contested()).names.size > FEW_CONTESTED;
  }

  /**
   * What is known of everything that is not one token, family, subject or fence: settings, deployments, keys, renames,
   * and how far each source has come.
   */
  async world(): Promise<History> {
    const { worldFacts, renameFacts, conflictKeys } = await this.known();
    const clocks = await readClocks(this.tables.engine, this.tenant, this.K);
    return new History(new FetchedSource([], renameFacts, worldFacts, conflictKeys, clocks));
  }

  /** When each version was seen stamped on lines. */
  sightings(): Promise<Sighting[]> {
    return readSightings(this.tables.engine, this.tenant, this.K);
  }

  private known(): Promise<Known> {
    return (this.knownAtK ??= readKnown(this.tables.engine, this.tenant, this.K));
  }

  private contested(): Promise<Contested> {
    return (this.doubts ??= this.known().then((known) => readContested(this.tables.engine, known)));
  }

  private source(): OnsetSource {
    const { reached } = this.tables;
    return Number(reached - this.K) > LONG_AGO * Number(reached) ? 'facts' : 'onsets';
  }

  private async judgedLines(names: readonly Name[], cut: Cut): Promise<string[]> {
    const lines = new Map<Name, string>();
    const read = { known: await this.known(), contested: await this.contested() };
    for (let from = 0; from < names.length; from += JUDGED_AT_ONCE) {
      const some = names.slice(from, from + JUDGED_AT_ONCE);
      for (const { view } of (await this.shortUnits(read, some, cut)).units.flatMap(({ views }) => views))
        if (view.kind !== 'consumer') lines.set(view.name, stateLine(view));
    }
    this.share.judged += lines.size;
    return [...lines.values()].sort();
  }
}

function cutParams({ T, gateways }: Cut): QueryParams {
  const each = [...(gateways ?? [])];
  return { T, gateways: each.map(([gateway]) => heldText(gateway)), gatewayCuts: each.map(([, at]) => at) };
}
