import { createRequire } from 'node:module';
import type * as KafkaJs from 'kafkajs';
import { KafkaClientMissing } from '../errors.js';
import { isObject } from '../events/claims.js';
import { SIGNATURE_HEADER, type Sign } from './signature.js';
import type { Batch, Outcome, Transport } from './transport.js';

/** How the brokers are reached; handed on to kafkajs. */
export interface KafkaOptions {
  ssl?: boolean | { ca?: string | Buffer; cert?: string | Buffer; key?: string | Buffer; servername?: string };
  sasl?: { mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'; username: string; password: string };
  clientId?: string;
}

export interface KafkaSettings extends KafkaOptions {
  brokers: string[];
  topic: string;
  requestMs: number;
  sign?: Sign | undefined;
}

/**
 * One record an event, in structured mode of CloudEvents' Kafka binding, acknowledged by all replicas. One send is under
 * way at a time, and the courier repeats it; ids make repetitions harmless, so that no idempotent producer is needed
 * (one that has several sends in flight gets stuck when a broker dies).
 */
export class KafkaTransport implements Transport {
  #producer: Promise<KafkaJs.Producer> | undefined;

  readonly #kafkajs: typeof KafkaJs;

  /** @throws KafkaClientMissing */
  constructor(private readonly settings: KafkaSettings) {
    this.#kafkajs = loadKafka();
  }

  async send({ events }: Batch, signal: AbortSignal): Promise<Outcome> {
    const { topic, sign, requestMs } = this.settings;
    try {
      const messages = [];
      for (const { key, json } of events) {
        const value = Buffer.from(json);
        const headers: Record<string, string> = {
          'content-type': 'application/cloudevents+json; charset=UTF-8',
        };
        if (sign !== undefined) headers[SIGNATURE_HEADER] = await sign(value);
        messages.push({ key, value, headers });
      }
      const producer = await (this.#producer ??= this.#connect());
      if (signal.aborted) return { kind: 'again', problem: { code: 'timeout' } };
      await producer.send({ topic, acks: -1, timeout: requestMs, messages });
      return { kind: 'taken', accepted: events.length, duplicates: 0, conflicts: 0, rejections: [] };
    } catch (error) {
      return outcomeOf(error);
    }
  }

  async close(): Promise<void> {
    const producer = await this.#producer?.catch(() => undefined);
    await producer?.disconnect().catch(() => undefined);
  }

  async #connect(): Promise<KafkaJs.Producer> {
    const { brokers, ssl, sasl, clientId = 'tallystick-gateway-sdk', requestMs } = this.settings;
    const { Kafka, Partitioners } = this.#kafkajs;
    const kafka = new Kafka({
      clientId,
      brokers,
      ...(ssl !== undefined && { ssl }),
      // kafkajs types each mechanism by itself.
      ...(sasl !== undefined && { sasl: sasl as { mechanism: 'plain'; username: string; password: string } }),
      connectionTimeout: Math.min(requestMs, 5_000),
      requestTimeout: requestMs,
      enforceRequestTimeout: true,
      // The courier waits and repeats; what kafkajs does by itself is to look for the new leader once.
      retry: { retries: 1, initialRetryTime: 100 },
      // What it logs at ERROR is retried; the courier tells of it.
      logCreator: () => () => undefined,
    });
    const producer = kafka.producer({
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
    });
    try {
      await producer.connect();
      return producer;
    } catch (error) {
      // The next send begins anew.
      this.#producer = undefined;
      throw error;
    }
  }
}

/** kafkajs is optional: it is looked for when brokers are given, and not before. */
function loadKafka(): typeof KafkaJs {
  try {
    return createRequire(import.meta.url)('kafkajs') as typeof KafkaJs;
  } catch (error) {
    throw new KafkaClientMissing(error);
  }
}

/** kafkajs wraps errors; the protocol's own has a type. */
function outcomeOf(error: unknown): Outcome {
  let cause: unknown = error;
  for (let depth = 0; depth < 8 && isObject(cause) && isObject(cause['cause']); depth++) cause = cause['cause'];
  const fields: Record<string, unknown> = isObject(cause) ? cause : {};
  const type = typeof fields['type'] === 'string' ? fields['type'] : undefined;
  if (type === 'MESSAGE_TOO_LARGE' || type === 'RECORD_LIST_TOO_LARGE') return { kind: 'too-large' };
  const name = typeof fields['name'] === 'string' ? fields['name'] : undefined;
  const detail = [type, name].find((text) => text !== undefined && /^\w{1,60}$/.test(text));
  const unauthorised = /AUTHORIZATION|SASL/i.test(`${type} ${name}`);
  const code = unauthorised ? 'unauthorised' : name === 'KafkaJSProtocolError' ? 'failed' : 'unreachable';
  return { kind: 'again', problem: { code, ...(detail !== undefined && { detail }) } };
}
