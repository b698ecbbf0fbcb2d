import { accessSync, constants, createReadStream, statSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { unreadable, UnreadableFile } from '../read-document.js';

const CHUNK_BYTES = 262_144;

/** One input of `tally ingest`: a file, or standard input. */
export interface FileInput {
  /** What messages call it. */
  name: string;
  /** In bytes as stored; undefined for what has no end yet. */
  size: number | undefined;
  open(): Readable;
}

/** Looks at a file before anything is taken in. @throws UnreadableFile */
export function fileInput(path: string, stdin: Readable): FileInput {
  if (path === '-') return { name: 'standard input', size: undefined, open: () => stdin };
  let size: number | undefined;
  try {
    accessSync(path, constants.R_OK);
    const found = statSync(path);
    if (found.isDirectory()) throw new UnreadableFile(path, 'is a directory');
    // A pipe or device (`<(zcat …)`) has no size to count down from.
    size = found.isFile() ? found.size : undefined;
  } catch (error) {
    throw unreadable(path, error);
  }
  return { name: path, size, open: () => createReadStream(path, { highWaterMark: CHUNK_BYTES }) };
}

/** The bytes of an input, until it ends or an interruption does; each chunk is counted as it is given. */
export async function* bytesOf(
  stream: Readable,
  signal: AbortSignal,
  count: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  const stop = (): void => {
    // Wakes a read that waits, as on a terminal or a quiet pipe.
    stream.destroy(signal.reason instanceof Error ? signal.reason : undefined);
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      signal.throwIfAborted();
      count(chunk.length);
      yield chunk;
    }
    signal.throwIfAborted();
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
