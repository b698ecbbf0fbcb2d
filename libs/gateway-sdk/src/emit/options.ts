import type { Clock } from '../clock.js';
import type { RetryOptions } from '../send/backoff.js';
import type { KafkaOptions } from '../send/kafka.js';
import type { SignOptions } from '../send/signature.js';
import type { Problem, Rejection } from '../send/transport.js';
import type { TokenSecret } from '../token-secret.js';
import type { Authority } from '../events/vocabulary.js';

/** What an emitter is made of. Give `url` with `bearer`, or `brokers`. */
export interface EmitterOptions<A extends Authority = Authority> {
  /** Who speaks. The profile of `source` in the settings must say the same. */
  authority: A;
  /** The name of the source in the settings. */
  source: string;
  /** Default: `default`. */
  tenant?: string;

  /** The address of the API. */
  url?: string;
  /** The bearer for it, or what gives it (asked before each batch). */
  bearer?: string | (() => string | Promise<string>);

  /** Kafka brokers, `host:port` each. */
  brokers?: readonly string[];
  kafka?: KafkaOptions;
  /** Default: `tallystick.gateway-events`, `.issuer-events`, `.deployments` or `.operator-events`. */
  topic?: string;

  /** Without TLS off this machine: only where something else encrypts. */
  allowPlaintext?: boolean;

  /** Without it, tokens are told by their SHA-256, and API keys by their credential id alone. */
  tokenSecret?: TokenSecret;

  /** Stamped on every event that does not say otherwise. */
  version?: string;
  gateway?: string;
  region?: string;
  /** Of deployments. Default: `gateway`. */
  component?: string;

  /** What may wait in memory. Default: 20,000 events and 32 MiB; the oldest go first, and a `source.gap` tells of it. */
  ring?: { events?: number; bytes?: number };
  /** When a batch goes out. Default: 500 events, 512 KiB, or 200 ms after the first. */
  batch?: { events?: number; bytes?: number; ms?: number };
  retry?: RetryOptions & {
    /** How long the other side may take to answer. Default 10,000 ms. */
    requestMs?: number;
  };
  sign?: SignOptions;

  /** A batch did not arrive and is sent again. */
  onProblem?: (problem: Problem, attempt: number) => void;
  /** The intake took an event for none: it lies among its dead letters. */
  onRejected?: (rejection: Rejection) => void;
  /** An event that could not be told at all, with the reason; nothing of what it held. */
  onRefused?: (why: string) => void;

  clock?: Clock;
  random?: () => number;
  fetch?: typeof fetch;
}

export interface EmitterStats {
  /** Calls that made an event. */
  emitted: number;
  waiting: number;
  underWay: number;
  /** Memory of both, in bytes, about. */
  bytes: number;
  accepted: number;
  duplicates: number;
  conflicts: number;
  rejected: number;
  /** Could not be told at all. */
  refused: number;
  /** Dropped for want of room; told by `source.gap`. */
  lost: number;
  batches: number;
  retries: number;
  lastProblem?: Problem;
}
