import { describe, expect, it } from '@jest/globals';
import type { IngestAnswer } from '../tally/questions.js';
import { answersOf, CASE_FILES, caseBytes, caseLines, Product, seeded, sourceOf, sumsUp } from './product.js';

/** During the incident of case 4, after the last line of 2026, and after the line of 2027. */
const INSTANTS = ['time:2026-03-10T09:06:30Z', 'time:2026-03-10T11:00:01Z', 'time:2027-04-15T00:00:00Z'];
const RECORDS = CASE_FILES.reduce((sum, file) => sum + caseLines(file).length, 0);

async function answers(product: Product): Promise<unknown> {
  const out: unknown[] = [];
  for (const asOf of INSTANTS) out.push(await answersOf(product, asOf));
  const plan = await product.plan('v42', 'v41', INSTANTS[0]!);
  return [...out, plan.verdict, plan.counts, plan.decisions.map(({ token, decision }) => `${token} ${decision}`)];
}

async function takeWhole(product: Product, source: (file: string) => string): Promise<void> {
  for (const file of CASE_FILES) expect(sumsUp(await product.ingest(caseBytes(file), source(file)))).toBe(true);
}

let whole: Promise<unknown> | undefined;
/** What every order must answer: all files of all cases, one after the other. */
function expected(): Promise<unknown> {
  whole ??= (async () => {
    const product = await Product.open();
    try {
      await takeWhole(product, () => 'auto');
      return await answers(product);
    } finally {
      await product.close();
    }
  })();
  return whole;
}

describe('the inputs of all cases in one ledger', () => {
  it('counts every record once', async () => {
    const product = await Product.open();
    try {
      const reports: IngestAnswer[] = [];
      for (const file of CASE_FILES) reports.push(await product.ingest(caseBytes(file)));
      const sum = (key: 'records' | 'accepted' | 'duplicates' | 'conflicts' | 'rejected' | 'ignored' | 'events'): number =>
        reports.reduce((total, report) => total + report[key], 0);
      expect(sum('records')).toBe(RECORDS);
      expect(sum('rejected')).toBe(1);
      expect(sum('conflicts')).toBe(2);
      expect(sum('duplicates')).toBe(3);
      expect(sum('ignored')).toBe(0);
      expect(sum('accepted')).toBe(RECORDS - 6);
      expect(await answers(product)).toEqual(await expected());
    } finally {
      await product.close();
    }
  });

  it('answers the same with the sources named, and backwards', async () => {
    for (const reversed of [false, true]) {
      const product = await Product.open();
      try {
        const files = reversed ? [...CASE_FILES].reverse() : CASE_FILES;
        for (const file of files) {
          const lines = caseLines(file);
          await product.ingest(reversed ? lines.reverse() : lines, sourceOf(file));
        }
        expect(await answers(product)).toEqual(await expected());
      } finally {
        await product.close();
      }
    }
  });

  it.each([1, 2, 3, 4, 5, 6])('answers the same in any interleaving (seed %i)', async (seed) => {
    const random = seeded(seed);
    const lines = CASE_FILES.flatMap((file) => caseLines(file));
    for (let i = lines.length - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      [lines[i], lines[j]] = [lines[j]!, lines[i]!];
    }
    const product = await Product.open();
    try {
      // In parts of any size, the process ending in between.
      for (let at = 0; at < lines.length; ) {
        const size = 1 + Math.floor(random() * 40);
        expect(sumsUp(await product.ingest(lines.slice(at, at + size)))).toBe(true);
        at += size;
        if (random() < 0.2) await product.restart();
      }
      expect(await answers(product)).toEqual(await expected());
    } finally {
      await product.close();
    }
  });

  it('takes nothing in again, however often all of it is delivered', async () => {
    const product = await Product.open();
    try {
      await takeWhole(product, () => 'auto');
      const before = await product.export();
      for (let n = 0; n < 3; n++) {
        if (n === 1) await product.restart();
        for (const file of CASE_FILES) {
          const again = await product.ingest(caseBytes(file), n === 2 ? sourceOf(file) : 'auto');
          const { records, duplicates, rejected } = again;
          expect(again).toMatchObject({ accepted: 0, conflicts: 0, ignored: 0, events: 0 });
          expect(duplicates + rejected).toBe(records);
        }
      }
      expect((await product.export()).map((event) => event['id'])).toEqual(before.map((event) => event['id']));
      expect(await answers(product)).toEqual(await expected());
      const { rows } = await product.rows('deadletters.list', {});
      expect(rows).toMatchObject([{ times: 4 }]);
    } finally {
      await product.close();
    }
  });
});
