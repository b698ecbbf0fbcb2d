import { expect, it } from '@jest/globals';
import { deliveriesOf } from './deliveries.js';
import type { KafkaRecord, Letter } from './record.js';

/** What a broker takes of one message as it comes configured. */
const TAKES = 1_048_588;
const TOPIC = 'dead-letters';

function recordAt(offset: bigint): KafkaRecord {
  return { topic: 't', partition: 0, offset, timestamp: 1, key: null, value: Buffer.from('x'), headers: {} };
}

function letterOf(id: string, data: string): Letter {
  return { id, field: '(stream)', reason: 'r', event: { id, stream: 's', type: 't', data } };
}

const messagesOf = (letters: readonly Letter[]) =>
  deliveriesOf(
    letters.map((_, i) => recordAt(BigInt(i))),
    letters.map((letter) => ({ kind: 'dead-letter', letters: [letter] })),
    TOPIC,
  ).get(TOPIC)!;

it('a letter is no longer than a broker takes, in bytes, and says where its record lies', () => {
  const [message] = messagesOf([letterOf('a', JSON.stringify({ text: '漢'.repeat(230_000), q: '"'.repeat(150_000) }))]);
  expect(Buffer.byteLength(message!.value!)).toBeLessThan(TAKES);
  expect(JSON.parse(String(message!.value))).toMatchObject({ id: 'a', cut: true, from: { topic: 't', offset: '0' } });
});
