import { createHash, type Hash } from 'node:crypto';
import type { RecordedEvent } from '../port.js';

/** A count and a SHA-256 (hex) over events in the order of `$all`. */
export interface LedgerDigest {
  events: number;
  digest: string;
}

/**
 * Digest over what a copy keeps: for each event in the order of `$all` one line, the JSON array of stream, revision
 * (as text), id, type, data and metadata (null if there is none), ended by a newline. Positions and times are left
 * out: those are each ledger's own.
 */
export class EventDigest {
  readonly #hash: Hash = createHash('sha256');
  #events = 0;

  add({ stream, revision, id, type, data, metadata }: RecordedEvent): void {
    this.#hash.update(`${JSON.stringify([stream, String(revision), id, type, data, metadata ?? null])}\n`);
    this.#events += 1;
  }

  /** Ends it. */
  result(): LedgerDigest {
    return { events: this.#events, digest: this.#hash.digest('hex') };
  }
}
