import { afterAll, describe, expect, it } from '@jest/globals';
import { caseBytes, CASE_FILES, Product, type FindingRow } from './product.js';

/** The findings that stand, as ClickHouse tells them. */
const STANDING = `SELECT id, rule, kind, severity, provisional, tokens, family, gateway, summary
  FROM open_findings WHERE tenant = 'default' ORDER BY id`;

describe('the findings of a field case are read from SQL as from the product', () => {
  let found = 0;
  afterAll(() => expect(found).toBeGreaterThan(15));

  const cases = [...new Set(CASE_FILES.map((file) => file.slice(0, 2)))];

  it.each(cases)('case %s', async (number) => {
    const product = await Product.open();
    try {
      for (const file of CASE_FILES.filter((each) => each.startsWith(number))) await product.ingest(caseBytes(file));
      await product.settle();
      const { rows } = await product.rows('sql', { sql: STANDING });
      const expected = (await product.rows<FindingRow>('findings', {})).rows.map(told);
      found += rows.length;
      expect(rows).toEqual(expected.sort((a, b) => (a.id < b.id ? -1 : 1)));
    } finally {
      await product.close();
    }
  });
});

function told({ id, rule, kind, severity, provisional, tokens, family, gateway, summary }: FindingRow) {
  return {
    id,
    rule,
    kind,
    severity,
    provisional: provisional ? 1 : 0,
    tokens,
    family,
    gateway: gateway ?? '',
    summary,
  };
}
