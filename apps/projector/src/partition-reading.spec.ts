import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Preparer, type OffsetRecord } from '#intake';
import { namingSecrets, settingsSchema } from '#lifecycle';
import { ADAPTERS, type JsonObject } from '#sources';
import { PartitionReading } from './partition-reading.js';
import { RangesHere } from './range-reader.js';

const preparer = new Preparer({
  tenant: 'default',
  settings: settingsSchema.parse({ sources: { kong: { format: 'kong', uses: 'minute' } } }),
  secrets: namingSecrets(0, Buffer.alloc(32, 1), Buffer.alloc(32, 2)),
  source: 'auto',
  today: 1,
  vault: { ensure: () => undefined, seal: () => undefined },
});
const RANGE = 7;
const sample = ADAPTERS.kong.sample as JsonObject & { request: JsonObject };

/** Uses of one token with poison in between, so that there are letters and summaries. */
const records: OffsetRecord[] = Array.from({ length: 40 }, (_, i) => ({
  offset: BigInt(i),
  text: i % 9 === 4 ? `poison ${i}` : JSON.stringify({ ...sample, request: { ...sample.request, id: `r${i}` } }),
}));

const begun = (): PartitionReading<Preparer> =>
  new PartitionReading(new RangesHere({ topic: 't', partition: 0 }, RANGE, (same: Preparer) => same));

/** Reads on from an offset without any failure: what the ledger must hold in the end. */
async function whole(): Promise<{ events: Set<string>; letters: Set<string> }> {
  const events = new Set<string>();
  const letters = new Set<string>();
  const reading = begun();
  for (const { prepared } of await reading.read(preparer, records))
    for (const each of prepared) {
      if (each.kind === 'facts') for (const { id } of each.events) events.add(id);
      if (each.kind === 'rejected') letters.add(each.letter.id);
    }
  return { events, letters };
}

describe('the reading of a partition', () => {
  it('gives every event and every letter once all is delivered, whatever fails on the way and however it is cut', async () => {
    const step = fc.record({
      size: fc.integer({ min: 1, max: 12 }),
      atOnce: fc.integer({ min: 1, max: 5 }),
      fails: fc.constantFrom('not', 'not', 'append', 'delivery', 'crash before commit', 'crash'),
    });
    const expected = await whole();
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 30 }), async (steps) => {
        const events = new Set<string>();
        const letters = new Set<string>();
        let committed = 0n;
        let at = 0n;
        let reading = begun();
        const end = BigInt(records.length);
        const go = async (size: number, atOnce: number, fails: string): Promise<void> => {
          const batch = records.filter(({ offset }) => offset >= at).slice(0, size);
          if (batch.length === 0) return;
          const together = await reading.read(preparer, batch, atOnce);
          if (fails === 'append') return;
          for (const { prepared } of together)
            for (const each of prepared) if (each.kind === 'facts') for (const { id } of each.events) events.add(id);
          const found = batch.flatMap(({ offset }) => together.flatMap((each) => each.letters.get(offset) ?? []));
          reading.forgetDelivered(batch[0]!.offset);
          const committable = reading.written(together, batch.at(-1)!.offset);
          if (fails === 'delivery') return;
          for (const { id } of found) letters.add(id);
          at = batch.at(-1)!.offset + 1n;
          if (fails !== 'crash before commit') {
            const target = committable !== undefined && committable < at ? committable : at;
            if (target > committed) committed = target;
          }
          if (!fails.startsWith('crash')) return;
          at = committed;
          reading = begun();
        };
        for (const { size, atOnce, fails } of steps) await go(size, atOnce, fails);
        while (at < end) await go(5, 5, 'not');
        // The last range is open: the record that closes it comes with the next ones.
        for (const id of expected.letters) expect(letters).toContain(id);
        for (const id of expected.events) expect(events).toContain(id);
        expect(events.size).toBe(expected.events.size);
      }),
      { seed: 5, numRuns: 400 },
    );
  });

  it('reads in minute mode: an open range keeps its offset back', async () => {
    const reading = begun();
    expect(reading.written(await reading.read(preparer, records.slice(0, 3)), 2n)).toBe(0n);
    expect(reading.written(await reading.read(preparer, records.slice(3, 9)), 8n)).toBe(7n);
  });
});
