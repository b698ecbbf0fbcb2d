import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { InputCut } from './errors.js';

/**
 * A byte stream, unpacked if it is gzip (told by its first two bytes, whatever its name).
 * @throws InputCut at the point where a compressed input breaks off; what came before was given.
 */
export async function* unpacked(input: AsyncIterable<Uint8Array>, what: string): AsyncGenerator<Uint8Array> {
  const iterator = input[Symbol.asyncIterator]();
  const head: Uint8Array[] = [];
  let bytes = 0;
  while (bytes < 2) {
    const next = await iterator.next();
    if (next.done === true) break;
    head.push(next.value);
    bytes += next.value.length;
  }
  const whole = async function* (): AsyncGenerator<Uint8Array> {
    yield* head;
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
  };
  const start = Buffer.concat(head.map((part) => part.subarray(0, 2))).subarray(0, 2);
  if (start[0] !== 0x1f || start[1] !== 0x8b) {
    yield* whole();
    return;
  }
  const gunzip = createGunzip();
  pipeline(Readable.from(whole()), gunzip, () => undefined);
  try {
    for await (const chunk of gunzip) yield chunk as Buffer;
  } catch (error) {
    throw new InputCut(what, error);
  }
}
