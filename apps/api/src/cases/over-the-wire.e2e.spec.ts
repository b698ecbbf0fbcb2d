import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedLedger, LedgerEndpoint } from '#ledger';
import { after, answersOf, caseBytes, caseSettings, CASE_FILES, clock, Product, sourceOf } from './product.js';

let folder: string;
let served: EmbeddedLedger;
let endpoint: LedgerEndpoint;
let url: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tally-wire-'));
  served = EmbeddedLedger.open(join(folder, 'ledger.sqlite'), { access: 'write', clock });
  endpoint = await LedgerEndpoint.start({ ledger: served });
  url = endpoint.connectionString;
});
afterEach(async () => {
  await endpoint.close();
  await served.close();
  rmSync(folder, { recursive: true });
});

const NOW = after(86_400);
const cases = [...new Set(CASE_FILES.map((file) => file.slice(0, 2)))];

async function fed(product: Product, nr: string): Promise<unknown[]> {
  const reports = [];
  for (const file of CASE_FILES.filter((each) => each.startsWith(nr))) {
    const { seconds, ...report } = await product.ingest(caseBytes(file), sourceOf(file));
    expect(seconds).toBeGreaterThanOrEqual(0);
    reports.push(report);
  }
  await product.settle();
  return reports;
}

/** The embedded engine of ClickHouse has one directory at a time. */
async function withEmbedded(nr: string): Promise<{ reports: unknown[]; answers: unknown }> {
  const product = await Product.open();
  try {
    return { reports: await fed(product, nr), answers: await answersOf(product, NOW) };
  } finally {
    await product.close();
  }
}

describe('a ledger in EventStoreDB, over the official protocol', () => {
  it.each(cases)('answers case %s as the embedded one does, also when all of it comes again', async (nr) => {
    const { reports, answers } = await withEmbedded(nr);
    const remote = await Product.open(caseSettings(), url);
    try {
      expect(await fed(remote, nr)).toEqual(reports);
      expect(await answersOf(remote, NOW)).toEqual(answers);
      const before = await served.head();
      await fed(remote, nr);
      expect(await served.head()).toBe(before);
      await remote.restart();
      expect(await answersOf(remote, NOW)).toEqual(answers);
    } finally {
      await remote.close();
    }
  });

  it('two processes over one ledger see what either took in, and nothing twice', async () => {
    const [first] = CASE_FILES;
    const one = await Product.open(caseSettings(), url);
    const two = await Product.open(caseSettings(), url);
    try {
      const taken = await one.ingest(caseBytes(first!), sourceOf(first!));
      const again = await two.ingest(caseBytes(first!), sourceOf(first!));
      expect(taken.accepted).toBeGreaterThan(0);
      // Nothing of it is appended again; that it was known may be found out only at the append.
      expect(again.events).toBe(0);
      expect(await answersOf(two, NOW)).toEqual(await answersOf(one, NOW));
    } finally {
      await one.close();
      await two.close();
    }
  });
});
