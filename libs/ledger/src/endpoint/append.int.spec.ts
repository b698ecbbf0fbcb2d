import { jsonEvent } from '@eventstore/db-client';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ServedLedger } from '../testing/served-ledger.js';

let served: ServedLedger;
beforeEach(async () => {
  served = await ServedLedger.start();
});
afterEach(() => served.remove());

const event = (n: number) => jsonEvent({ type: 'test', data: { n } });

describe('appending with the official client', () => {
  it('writes and reads', async () => {
    const result = await served.client.appendToStream('a', [event(1), event(2)], { expectedRevision: 'no_stream' });
    expect(result).toMatchObject({ success: true, nextExpectedRevision: 1n });
    const read = [];
    for await (const { event } of served.client.readStream('a')) read.push(event);
    expect(read.map((each) => each?.data)).toEqual([{ n: 1 }, { n: 2 }]);
    expect(read[1]?.position).toEqual(result.position);
  });
});
