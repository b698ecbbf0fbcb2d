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
  yield* gunzipped(whole(), what);
}

/**
 * Unpacks chunk by chunk, so that what was unpacked before a break is given before the error: a piped stream would be
 * destroyed with what it still holds. A chunk of input unpacks to a thousand times its size at most.
 */
async function* gunzipped(input: AsyncIterable<Uint8Array>, what: string): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip();
  let ready: Uint8Array[] = [];
  let failure: { error: unknown } | undefined;
  gunzip.on('data', (chunk: Buffer) => ready.push(chunk));
  const finished = new Promise<void>((resolve) => {
    gunzip.on('end', resolve);
    gunzip.on('error', (error) => {
      failure = { error };
      resolve();
    });
  });
  const given = function* (): Generator<Uint8Array> {
    const chunks = ready;
    ready = [];
    yield* chunks;
  };
  for await (const chunk of input) {
    if (failure !== undefined) break;
    await Promise.race([finished, new Promise<void>((resolve) => gunzip.write(chunk, () => resolve()))]);
    yield* given();
  }
  if (failure === undefined) gunzip.end();
  await finished;
  yield* given();
  if (failure !== undefined) throw new InputCut(what, failure.error);
}
