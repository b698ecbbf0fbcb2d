import type { AnalyticsEngine } from '../engine.js';
import { numbersOf, READING } from '../as-of/names-sql.js';
import { ATTRIBUTE_COLUMNS } from '../writer/fact-rows.js';
import type { PreparedBatch } from '../writer/follower.js';
import { fewOf, typesOf } from './direct-tables.js';
import type { Difference } from './difference.js';
import { answered, RowTexts } from './row-texts.js';
import type { Segment } from './segments.js';

const AT = {
  position: ATTRIBUTE_COLUMNS.indexOf('position'),
  said: ATTRIBUTE_COLUMNS.indexOf('said'),
  tenant: ATTRIBUTE_COLUMNS.indexOf('tenant'),
  name: ATTRIBUTE_COLUMNS.indexOf('name'),
} as const;

/**
 * `attributes` keeps of rows that say the same the earliest: a batch's row is there, or an earlier batch's in its place.
 * Every row that is there must be the first of its kind in some batch.
 */
export class AttributesCheck {
  private readonly texts: RowTexts;
  /** Rows of the table that a batch was found to have said first. */
  private first = 0;

  private constructor(
    private readonly engine: AnalyticsEngine,
    types: ReadonlyMap<string, string>,
  ) {
    // Without the position, which only the first row has.
    this.texts = new RowTexts(ATTRIBUTE_COLUMNS, types);
  }

  static async of(engine: AnalyticsEngine): Promise<AttributesCheck> {
    return new AttributesCheck(engine, await typesOf(engine, 'attributes'));
  }

  async check({ start, end }: Segment, { attributeRows }: PreparedBatch): Promise<Difference[]> {
    const expected = new Map<string, { position: number; text: string }>();
    const [names, tenants] = [new Set<string>(), new Set<string>()];
    for (const line of attributeRows.split('\n')) {
      if (line === '') continue;
      const fields = line.split('\t');
      names.add(fields[AT.name]!);
      tenants.add(fields[AT.tenant]!);
    }
    if (names.size === 0) return [];
    for (const { position, text } of this.texts.of(attributeRows)) expected.set(keyOf(text), { position, text });
    const answer = await this.engine.text(
      `SELECT ${this.texts.sql} FROM {db}.attributes FINAL
       WHERE tenant IN {tenants:Array(String)} AND toUInt128(name) IN {names:Array(UInt128)} AND position <= {end:UInt64}`,
      'TabSeparated',
      { tenants: [...tenants], names: numbersOf(names), end },
      READING,
    );
    const [differs, unknown]: [string[], string[]] = [[], []];
    for (const line of answer.split('\n')) {
      if (line === '') continue;
      const text = answered(line);
      const position = Number(text.slice(0, text.indexOf('\u001f')));
      const ours = expected.get(keyOf(text));
      if (ours === undefined) {
        if (position >= start) unknown.push(`position ${position}`);
        continue;
      }
      if (position >= start) this.first++;
      expected.delete(keyOf(text));
      const isSame = position < start ? withoutPosition(text) === withoutPosition(ours.text) : text === ours.text;
      if (!isSame) differs.push(`position ${position}: ${this.texts.differing(text, ours.text).join(', ')}`);
    }
    const missing = [...expected.values()].map(({ position }) => `position ${position}`);
    const told = (what: Difference['what'], details: string[]): Difference[] =>
      details.length === 0
        ? []
        : [{ table: 'attributes', start, end, what, rows: details.length, detail: fewOf(details), repair: 'range' }];
    return [...told('missing', missing), ...told('unknown', unknown), ...told('differs', differs)];
  }

  /** Once every batch was looked at: rows that none of them has said. */
  async rest(reached: number): Promise<Difference[]> {
    const [row] = await this.engine.rows<{ n: number }>(
      'SELECT count() AS n FROM {db}.attributes FINAL WHERE position <= {reached:UInt64}',
      { reached },
    );
    const rows = (row?.n ?? 0) - this.first;
    if (rows <= 0) return [];
    const detail = 'rows of tokens that no batch names at their position';
    return [{ table: 'attributes', start: 1, end: reached, what: 'unknown', rows, detail, repair: 'rebuild' }];
  }
}

/** What tells rows apart in the table: all but the position, as the hash of it and the name say. */
function keyOf(text: string): string {
  const [, said, tenant, name, speaker] = text.split('\u001f', 5);
  return `${said} ${tenant} ${name} ${speaker}`;
}

function withoutPosition(text: string): string {
  return text.slice(text.indexOf('\u001f'));
}
