import { describe, expect, it } from '@jest/globals';
import type { Kafka, ProducerRecord } from 'kafkajs';
import { NotProduced } from './errors.js';
import { AcknowledgedProducer } from './producer.js';

/** An error as kafkajs gives it: the broker's word on a cause. */
function refusal(type: string): Error {
  return new Error('non-retriable', { cause: Object.assign(new Error(type), { type }) });
}

/** Producers that fail as they are told, with what was asked of them. */
function scene(failures: (Error | undefined)[]) {
  const did: string[] = [];
  const sent: ProducerRecord[] = [];
  let made = 0;
  let inFlight = 0;
  const producer = (config: unknown): unknown => {
    const name = `p${++made}`;
    did.push(`make ${name}`);
    expect(config).toMatchObject({ idempotent: true, maxInFlightRequests: 1 });
    return {
      connect: async () => undefined,
      disconnect: async () => void did.push(`drop ${name}`),
      send: async (record: ProducerRecord) => {
        inFlight++;
        expect(inFlight).toBe(1);
        await new Promise(setImmediate);
        inFlight--;
        did.push(`${name} sends ${record.messages.length}`);
        const failure = failures.shift();
        if (failure !== undefined) throw failure;
        sent.push(record);
      },
    };
  };
  const acknowledged = new AcknowledgedProducer({ producer } as Pick<Kafka, 'producer'>);
  return { did, sent, acknowledged };
}

const messages = (count: number, value = 'v'): { key: string; value: string }[] =>
  Array.from({ length: count }, (_, i) => ({ key: String(i), value }));

describe('a producer whose messages are acknowledged', () => {
  it('sends no more in one go than a broker takes, in bytes', async () => {
    const { sent, acknowledged } = scene([]);
    await acknowledged.send('t', messages(3, '漢'.repeat(170_000)));
    expect(sent.map(({ messages: { length } }) => length)).toEqual([1, 1, 1]);
  });

  it('has one send in flight, asks for all replicas, and cuts by count and bytes', async () => {
    const { did, sent, acknowledged } = scene([]);
    await Promise.all([
      acknowledged.send('a', messages(2500)),
      acknowledged.send('b', messages(3, 'x'.repeat(300_000))),
    ]);
    expect(did).toEqual([
      'make p1',
      'p1 sends 1000',
      'p1 sends 1000',
      'p1 sends 500',
      'p1 sends 1',
      'p1 sends 1',
      'p1 sends 1',
    ]);
    expect(sent.every(({ acks }) => acks === -1)).toBe(true);
  });

  it('is made anew when its sequence is lost, and sends the same again', async () => {
    const { did, acknowledged } = scene([undefined, refusal('OUT_OF_ORDER_SEQUENCE_NUMBER')]);
    await acknowledged.send('a', messages(1));
    await acknowledged.send('a', messages(2));
    expect(did).toEqual(['make p1', 'p1 sends 1', 'p1 sends 2', 'drop p1', 'make p2', 'p2 sends 2']);
  });

  it('tells of a sequence that is lost twice, and goes on with the next send', async () => {
    const lost = refusal('OUT_OF_ORDER_SEQUENCE_NUMBER');
    const { acknowledged, sent } = scene([lost, lost]);
    await expect(acknowledged.send('a', messages(1))).rejects.toMatchObject({
      code: 'TALLY_NOT_PRODUCED',
      retry: true,
      cause: lost,
    });
    await acknowledged.send('a', messages(1));
    expect(sent).toHaveLength(1);
  });

  it('tells what passes from what nobody can mend by trying again', async () => {
    const { acknowledged } = scene([refusal('NOT_ENOUGH_REPLICAS'), refusal('MESSAGE_TOO_LARGE')]);
    const failures = await Promise.allSettled([
      acknowledged.send('a', messages(1)),
      acknowledged.send('a', messages(1)),
    ]);
    expect(failures).toMatchObject([{ reason: { retry: true } }, { reason: { retry: false } }]);
    expect(failures[0]).toMatchObject({ reason: expect.any(NotProduced) });
  });
});
