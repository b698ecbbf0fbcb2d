import type { BrokerCalls } from './partition-work.js';
import type { KafkaRecord, Letter, OutgoingMessage, RecordResult } from './record.js';

/** The messages that results ask for, by topic. */
export function deliveriesOf(
  records: readonly KafkaRecord[],
  results: readonly RecordResult[],
  deadLetterTopic: string,
): Map<string, OutgoingMessage[]> {
  const byTopic = new Map<string, OutgoingMessage[]>();
  const add = (topic: string, message: OutgoingMessage): void => {
    const list = byTopic.get(topic);
    if (list === undefined) byTopic.set(topic, [message]);
    else list.push(message);
  };
  results.forEach((result, i) => {
    const record = records[i]!;
    if (result.kind === 'dead-letter') {
      for (const letter of result.letters) add(deadLetterTopic, letterMessage(letter, record));
    } else if (result.kind === 'redirect') {
      const { key, value, headers, topic, partition, offset } = record;
      const from = { 'tallystick-reason': result.reason, 'tallystick-from': `${topic}/${partition}/${offset}` };
      add(result.topic, { key, value, headers: { ...headers, ...from } });
    }
  });
  return byTopic;
}

/** Resolves when every message is with all in-sync replicas. */
export async function deliver(deliveries: ReadonlyMap<string, OutgoingMessage[]>, broker: BrokerCalls): Promise<void> {
  for (const [topic, messages] of deliveries) await broker.produce(topic, messages);
}

/** Every broker takes a message of so many bytes as it comes configured. */
const LETTER_BYTES = 900_000;

function letterMessage(letter: Letter, { topic, partition, offset, timestamp }: KafkaRecord): OutgoingMessage {
  const from = { topic, partition, offset: String(offset), timestamp };
  let value = JSON.stringify({ ...letter, from });
  if (Buffer.byteLength(value) > LETTER_BYTES) {
    // Without what it held: a letter that no broker takes would stop the partition. `from` says where the record lies.
    value = JSON.stringify({ ...letter, box: undefined, event: undefined, redrivable: false, cut: true, from });
  }
  return { key: letter.id, value, headers: { 'content-type': 'application/json' } };
}
