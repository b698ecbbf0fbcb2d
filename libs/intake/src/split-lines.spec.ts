import { describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { blocksOf, linesOfBlock, MAX_LINE_BYTES, type InputLine } from './split-lines.js';

async function* chunked(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (let i = 0; at < bytes.length; i++) {
    const size = Math.max(1, sizes[i % sizes.length] ?? bytes.length);
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

async function linesOf(input: AsyncIterable<Uint8Array>): Promise<InputLine[]> {
  const out: InputLine[] = [];
  for await (const block of blocksOf(input)) out.push(...linesOfBlock(block));
  return out;
}

const texts = (lines: InputLine[]): string[] =>
  lines.map((line) => (line.kind === 'text' ? line.text : `!${line.reason}`));

describe('lines of a byte stream', () => {
  it('are numbered from 1, end with LF or CRLF, and the last may lack its end', async () => {
    const lines = await linesOf(chunked(Buffer.from('a\r\nb\n\nc'), [100]));
    expect(texts(lines)).toEqual(['a', 'b', '', 'c']);
    expect(lines.map((line) => line.line)).toEqual([1, 2, 3, 4]);
  });

  it('do not depend on how the stream is cut', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: 'grapheme' }).map((s) => s.replace(/[\r\n]/g, ' '))),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
        async (input, sizes) => {
          const bytes = Buffer.from(input.map((line) => `${line}\n`).join(''));
          expect(texts(await linesOf(chunked(bytes, sizes)))).toEqual(input);
        },
      ),
      { seed: 7, numRuns: 200 },
    ));

  it('one over 1 MiB is bad with its length and digest, wherever it is cut, and its neighbours are read', async () => {
    const long = 'x'.repeat(MAX_LINE_BYTES + 1);
    const bytes = Buffer.from(`before\n${long}\nafter\n`);
    for (const sizes of [[bytes.length], [65_536], [MAX_LINE_BYTES]]) {
      const lines = await linesOf(chunked(bytes, sizes));
      expect(lines.map((line) => line.line)).toEqual([1, 2, 3]);
      expect(texts(lines)).toEqual(['before', `!is longer than ${MAX_LINE_BYTES} bytes`, 'after']);
      expect(lines[1]).toMatchObject({ bytes: long.length, digestOf: createHash('sha256').update(long).digest('hex') });
    }
  });

  it('one that is not UTF-8 is bad; U+FFFD itself is text', async () => {
    const bytes = Buffer.concat([Buffer.from('\uFFFD ok\n'), Buffer.of(0xff, 0xfe, 0x0a), Buffer.from('after\n')]);
    expect(texts(await linesOf(chunked(bytes, [3])))).toEqual(['\uFFFD ok', '!is not UTF-8', 'after']);
  });

  it('are given while the input pauses, a line in the making stays', async () => {
    let go: () => void = () => undefined;
    const given = new Promise<void>((resolve) => (go = resolve));
    async function* live(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('one\ntwo\nth');
      // The rest comes only after the first lines have come out.
      await given;
      yield Buffer.from('ree\n');
    }
    const seen: InputLine[][] = [];
    for await (const block of blocksOf(live())) {
      seen.push(linesOfBlock(block));
      go();
    }
    expect(seen.map(texts)).toEqual([['one', 'two'], ['three']]);
    expect(seen.flat().map((line) => line.line)).toEqual([1, 2, 3]);
  });

  it('before a break are given before the error, the one under way is not: its sender sends it again', async () => {
    async function* breaking(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('a\nb');
      throw new Error('cut');
    }
    const seen: string[] = [];
    const reading = (async () => {
      for await (const block of blocksOf(breaking())) seen.push(...texts(linesOfBlock(block)));
    })();
    await expect(reading).rejects.toThrow('cut');
    expect(seen).toEqual(['a']);
  });
});
