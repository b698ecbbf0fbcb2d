import type { IncomingMessage } from 'node:http';

/** How long a client may go on sending what nobody reads. */
const PATIENCE_MS = 5000;

/** The chunks of a body. Leaving them early does not cut the connection, on which the answer still goes out. */
export function bodyOf(raw: IncomingMessage): AsyncIterable<Buffer> {
  return { [Symbol.asyncIterator]: () => raw.iterator({ destroyOnReturn: false }) };
}

/**
 * Reads the rest of a body and drops it: a connection that is closed on a client that still sends is reset, and the
 * client may never get to read why.
 */
export function dropRest(raw: IncomingMessage): void {
  if (raw.complete || raw.destroyed) return;
  const impatience = setTimeout(() => raw.destroy(), PATIENCE_MS).unref();
  raw.once('close', () => clearTimeout(impatience));
  raw.removeAllListeners('readable');
  // A stream learns that it has no more listeners a moment later.
  setImmediate(() => raw.resume());
}
