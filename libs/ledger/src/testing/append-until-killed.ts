import { testEvent } from './test-event.js';
import { EmbeddedLedger } from '../embedded/store.js';

/**
 * A program for the crash test: appends batches without end and says on stdout what was acknowledged.
 * Arguments: ledger file, number of the first batch. One line a batch: its number.
 */
const [, , file = '', first = '0'] = process.argv;
const ledger = EmbeddedLedger.open(file, { access: 'write' });
for (let batch = Number(first); ; batch++) {
  // Ten streams, five events each: every batch touches streams that others touched before.
  const appends = Array.from({ length: 10 }, (_, index) => ({
    stream: `token-${(batch * 10 + index) % 37}`,
    events: Array.from({ length: 5 }, (_, event) => testEvent(`${batch}.${index}.${event}`)),
    expected: 'any' as const,
  }));
  await ledger.appendMany(appends);
  process.stdout.write(`${batch}\n`);
}
