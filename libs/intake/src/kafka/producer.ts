import kafkajs, { type Kafka, type Producer } from 'kafkajs';
import { brokerWords } from './broker-words.js';
import { NotProduced } from './errors.js';
import type { OutgoingMessage } from './record.js';

/** Well below the broker's limit for what is sent in one go (1 MiB). */
const SEND_BYTES = 524_288;
const SEND_MESSAGES = 1000;

/** What no repetition mends: the message or the right to write it is at fault. */
const FINAL = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_TOPIC_EXCEPTION', 'INVALID_RECORD']);

/**
 * Writes messages so that all in-sync replicas have them. One send at a time: an idempotent producer with several in
 * flight gets stuck once one of them fails. After any failure a new producer takes its place, with a sequence of its own.
 */
export class AcknowledgedProducer {
  private producer: Promise<Producer> | undefined;
  private turn: Promise<unknown> = Promise.resolve();
  private isClosed = false;

  constructor(private readonly kafka: Pick<Kafka, 'producer'>) {}

  /** @throws NotProduced; `retry` says whether the same can succeed later */
  send(topic: string, messages: readonly OutgoingMessage[]): Promise<void> {
    const sent = this.turn.then(async () => {
      for (const part of partsOf(messages)) await this.sendPart(topic, part);
    });
    this.turn = sent.catch(() => undefined);
    return sent;
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await this.turn;
    await this.drop();
  }

  private async sendPart(topic: string, messages: OutgoingMessage[]): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      try {
        const producer = await (this.producer ??= this.connected());
        await producer.send({
          topic,
          acks: -1,
          messages: messages.map(({ headers = {}, ...rest }) => ({ ...rest, headers })),
        });
        return;
      } catch (cause) {
        await this.drop();
        const types = brokerWords(cause);
        if (types.includes('OUT_OF_ORDER_SEQUENCE_NUMBER') && attempt === 0) continue;
        throw new NotProduced(topic, messages.length, !this.isClosed && !types.some((type) => FINAL.has(type)), cause);
      }
    }
  }

  private async connected(): Promise<Producer> {
    const producer = this.kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
      // About five seconds: then whoever waits decides.
      retry: { initialRetryTime: 100, maxRetryTime: 1000, retries: 8 },
    });
    await producer.connect();
    return producer;
  }

  private async drop(): Promise<void> {
    const { producer } = this;
    this.producer = undefined;
    await producer?.then((each) => each.disconnect()).catch(() => undefined);
  }
}

function* partsOf(messages: readonly OutgoingMessage[]): Iterable<OutgoingMessage[]> {
  let part: OutgoingMessage[] = [];
  let bytes = 0;
  for (const message of messages) {
    const size = Buffer.byteLength(message.key ?? '') + Buffer.byteLength(message.value ?? '');
    if (part.length > 0 && (part.length >= SEND_MESSAGES || bytes + size > SEND_BYTES)) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(message);
    bytes += size;
  }
  if (part.length > 0) yield part;
}
