import type { AnalyticsEngine } from '#analytics';
import type { GrowingLedger } from './growing-ledger.js';
import { Violation } from './violations.js';

interface There {
  reached: number;
  rows: number;
  distinct: number;
  facts: number[];
  findings: number[];
}

/** As they stand, without `FINAL`: a row that came twice is seen. */
const THERE = `
  WITH (SELECT max(end) FROM {db}.batches) AS last
  SELECT last AS reached, count() AS rows, uniqExact(position) AS distinct,
    arraySort(groupUniqArrayIf(position, position <= last)) AS facts,
    (SELECT arraySort(groupUniqArray(position)) FROM {db}.findings WHERE position <= last) AS findings
  FROM {db}.facts`;

const LOOKED_AT: ReadonlySet<string> = new Set(['facts', 'findings', 'batches']);

/** Watches the tables fill. */
export class TablesWatch {
  constructor(
    private readonly engine: AnalyticsEngine,
    private readonly ledger: GrowingLedger,
  ) {}

  /** @throws Violation as `check` */
  async wrote(table: string): Promise<void> {
    if (LOOKED_AT.has(table)) await this.check();
  }

  /** @throws Violation if a fact is there twice, or one is absent up to where the tables say that they are */
  async check(): Promise<void> {
    const [there] = await this.engine.rows<There>(THERE);
    const { reached, rows, distinct } = there!;
    if (rows !== distinct) throw new Violation('once', `${rows} rows in facts for ${distinct} positions`);
    for (const table of ['facts', 'findings'] as const) {
      const due = this.ledger.positions[table].filter((position) => position <= reached);
      const absent = due.filter((position) => !there![table].includes(position));
      if (absent.length > 0)
        throw new Violation(
          'durable when acknowledged',
          `${table} at ${reached} without position ${absent.join(', ')}`,
        );
      if (there![table].length > due.length)
        throw new Violation('once', `${table} at ${reached} with more than is due`);
    }
  }
}
