import { stateLine, type Borders, type Cut, type FoldedView, type Name } from '#lifecycle';
import type { AnalyticsEngine, QueryParams } from '../engine.js';
import { readContested, type Contested } from './contested.js';
import { readPageShape, type OnsetSource, type PageShape } from './asked.js';
import { historyOf, viewsOf } from './judged.js';
import { paramsOf, readKnown, type Known } from './known.js';
import { READING, numberOf, numbersOf } from './names-sql.js';
import { pageSql } from './page-sql.js';

/** Where answers come from: the tables, and how far they have come. */
export interface Analytics {
  engine: AnalyticsEngine;
  /** Last position that every table has. */
  reached: bigint;
}

export interface AskedStates {
  /** Read the facts instead of what was aggregated: for a K long before the head. Default: decided by how long. */
  source?: OnsetSource;
  /** Tokens a page; default 200,000. */
  page?: number;
}

/** Lines of one page that were judged by the core, and how many SQL answered alone. */
export interface Share {
  plain: number;
  judged: number;
}

const TOKENS_A_PAGE = 200_000;
/** About so many rows of `onsets` a token has. */
const ONSETS_A_TOKEN = 4;
/** From this share of positions after K on, the facts are read instead of the onsets. */
const LONG_AGO = 0.05;
/** Tokens that the core judges at a time. */
const JUDGED_AT_ONCE = 5_000;

/** The states of all tokens of one tenant at (T, K), out of ClickHouse: to the last row those of the ledger's replay. */
export class AsOfStates {
  private known: { key: string; value: Promise<{ known: Known; contested: Contested }> } | undefined;
  readonly share: Share = { plain: 0, judged: 0 };

  constructor(
    private readonly analytics: Analytics,
    private readonly tenant: string,
  ) {}

  /** Whether the tables hold everything up to K. */
  hasReached(position: bigint): boolean {
    return position <= this.analytics.reached;
  }

  /**
   * The lines of the state digest (MODEL §5.9) in order of name, newline-ended, several in one text.
   * @param K position up to which facts are known; at most `reached`.
   */
  async *texts(cut: Cut, K: bigint, asked: AskedStates = {}): AsyncGenerator<string> {
    const { engine } = this.analytics;
    const { known, contested } = await this.at(K);
    const shape: PageShape = {
      ...(await readPageShape(engine, known, contested, cut.T)),
      source: asked.source ?? this.sourceFor(K),
      hasGateways: (cut.gateways?.size ?? 0) > 0,
    };
    const sql = pageSql(known, shape);
    const upFront = await this.judgedLines(known, [...contested.names], cut);
    let next = 0;
    for (const [from, before] of await this.pages(known, asked.page ?? TOKENS_A_PAGE)) {
      const own = [...contested.names].filter((name) => name >= from && name < before);
      const text = await engine.text(
        sql,
        'TabSeparated',
        {
          ...paramsOf(known),
          ...cutParams(cut),
          conflictKeys: [...known.conflictKeys],
          families: numbersOf(contested.families),
          contested: numbersOf(own),
          from: numberOf(from),
          before: numberOf(before),
        },
        READING,
      );
      let end = next;
      while (end < upFront.length && upFront[end]!.slice(0, 32) < before) end++;
      yield await this.merged(known, text, upFront.slice(next, end), cut);
      next = end;
    }
  }

  /** As `texts`, line by line. */
  async *lines(cut: Cut, K: bigint, asked: AskedStates = {}): AsyncGenerator<string> {
    for await (const text of this.texts(cut, K, asked)) {
      for (let from = 0; from < text.length;) {
        const to = text.indexOf('\n', from) + 1;
        yield text.slice(from, to);
        from = to;
      }
    }
  }

  /** The tokens of the units that these names belong to, judged by the core from their facts. */
  async views(names: readonly Name[], cut: Cut, K: bigint, borders: Borders = []): Promise<FoldedView[]> {
    const { known } = await this.at(K);
    return viewsOf(await historyOf(this.analytics.engine, known, names), names, cut, borders);
  }

  private at(K: bigint): Promise<{ known: Known; contested: Contested }> {
    const key = String(K);
    if (this.known?.key !== key) {
      const read = async (): Promise<{ known: Known; contested: Contested }> => {
        const known = await readKnown(this.analytics.engine, this.tenant, K);
        return { known, contested: await readContested(this.analytics.engine, known) };
      };
      this.known = { key, value: read() };
    }
    return this.known.value;
  }

  private sourceFor(K: bigint): OnsetSource {
    const { reached } = this.analytics;
    return Number(reached - K) > LONG_AGO * Number(reached) ? 'facts' : 'onsets';
  }

  /** Ranges of names with about so many tokens each, in order; together they hold every token's name. */
  private async pages(known: Known, size: number): Promise<[Name, Name][]> {
    const rows = await this.analytics.engine.rows<{ prefix: number; tokens: number }>(
      // Onsets, not tokens: those of a page are read, whoever they belong to.
      `SELECT toUInt8(bitShiftRight(toUInt128(name), 120)) AS prefix, count() / ${ONSETS_A_TOKEN} AS tokens FROM {db}.onsets
       WHERE tenant = {tenant:String} GROUP BY prefix ORDER BY prefix`,
      { tenant: known.tenant },
    );
    return rangesOf(rows.map(({ prefix, tokens }) => ({ prefix, pages: Math.ceil(tokens / size) })));
  }

  private async merged(known: Known, text: string, upFront: readonly string[], cut: Cut): Promise<string> {
    const judge: Name[] = [];
    const lines: string[] = [];
    for (let from = 0; from < text.length;) {
      const to = text.indexOf('\n', from);
      if (text.charCodeAt(to - 1) === ONE) {
        judge.push(text.slice(from, from + 32));
      } else lines.push(`${text.slice(from, to - 2)}\n`);
      from = to + 1;
    }
    this.share.plain += lines.length;
    const judged = await this.judgedLines(known, judge, cut);
    return mergeSorted(mergeSorted(lines, judged), upFront).join('');
  }

  private async judgedLines(known: Known, names: readonly Name[], cut: Cut): Promise<string[]> {
    const lines = new Map<Name, string>();
    for (let from = 0; from < names.length; from += JUDGED_AT_ONCE) {
      const some = names.slice(from, from + JUDGED_AT_ONCE);
      for (const { view } of viewsOf(await historyOf(this.analytics.engine, known, some), some, cut))
        if (view.kind !== 'consumer') lines.set(view.name, stateLine(view));
    }
    this.share.judged += lines.size;
    return [...lines].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => line);
  }
}

const ONE = '1'.charCodeAt(0);

function cutParams({ T, gateways }: Cut): QueryParams {
  const each = [...(gateways ?? [])];
  return { T, gateways: each.map(([gateway]) => gateway), gatewayCuts: each.map(([, at]) => at) };
}

/** Names of one kind and secret share their first two digits, and are spread evenly over the next four. */
function rangesOf(groups: readonly { prefix: number; pages: number }[]): [Name, Name][] {
  const bounds = [FIRST];
  for (const { prefix, pages } of groups) {
    if (prefix < FIRST_PREFIX || prefix >= END_PREFIX) continue;
    for (let page = 0; page < pages; page++) {
      const bound = (prefix * STEPS + Math.round((page * STEPS) / pages)).toString(16).padEnd(32, '0');
      if (bound > bounds.at(-1)!) bounds.push(bound);
    }
  }
  return bounds.map((from, i) => [from, bounds[i + 1] ?? END]);
}

/** Names that stand for tokens: of a jti, a tok, a cred (their kinds are 2, 3 and 4). */
const FIRST_PREFIX = 0x20;
const END_PREFIX = 0x50;
const FIRST = FIRST_PREFIX.toString(16).padEnd(32, '0');
const END = END_PREFIX.toString(16).padEnd(32, '0');
const STEPS = 2 ** 16;

function mergeSorted(a: readonly string[], b: readonly string[]): string[] {
  if (b.length === 0) return [...a];
  const out: string[] = [];
  let i = 0;
  for (const line of b) {
    while (i < a.length && a[i]! < line) out.push(a[i++]!);
    out.push(line);
  }
  while (i < a.length) out.push(a[i++]!);
  return out;
}
