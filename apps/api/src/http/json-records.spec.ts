import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { jsonRecords } from './json-records.js';

/** The lines of a document that comes in pieces of `size` bytes. */
async function linesOf(document: string, size = 7): Promise<string[]> {
  const bytes = Buffer.from(document);
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size);
  }
  const out: Uint8Array[] = [];
  for await (const chunk of jsonRecords(pieces())) out.push(chunk);
  return Buffer.concat(out)
    .toString('utf8')
    .split('\n')
    .filter((line) => line.trim() !== '');
}

describe('jsonRecords', () => {
  it('gives each element of an array, and each value by itself, as one line', async () => {
    expect(await linesOf('[{"a":1},\n {"b":[1,2]}]')).toEqual(['{"a":1}', ' {"b":[1,2]}']);
    expect(await linesOf('{\n  "a": {"x": [1]}\n}\n{"b":2}{"c":3}')).toEqual([
      '{   "a": {"x": [1]} }',
      '{"b":2}',
      '{"c":3}',
    ]);
    expect(await linesOf('[]')).toEqual([]);
  });

  it('reads brackets, commas, quotes and escapes within texts as text', async () => {
    const tricky = { a: '[{,}]"\\', 'k"]': '\\"', c: 'é山\u{1f600}' };
    expect((await linesOf(JSON.stringify([tricky, tricky]), 3)).map((line) => JSON.parse(line) as unknown)).toEqual([
      tricky,
      tricky,
    ]);
  });

  it('leaves a line end within a text there: what is not JSON must not become JSON', async () => {
    for (const line of await linesOf('[{"a":"x\ny"}]')) expect(() => JSON.parse(line) as unknown).toThrow();
  });

  it('gives what is cut or no JSON as lines that are none', async () => {
    expect(await linesOf('[{"a":1},{"b":')).toEqual(['{"a":1}', '{"b":']);
    expect(await linesOf('hello\nworld')).toEqual(['hello', 'world']);
    expect(await linesOf(']]}{"a":1}')).toEqual([']]}', '{"a":1}']);
  });

  it('gives every array of objects back, however it is written and cut', async () => {
    const objects = fc.array(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 4 }), {
      maxLength: 6,
    });
    await fc.assert(
      fc.asyncProperty(objects, fc.constantFrom(0, 2), fc.integer({ min: 1, max: 40 }), async (array, indent, size) => {
        const lines = await linesOf(JSON.stringify(array, undefined, indent), size);
        expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(JSON.parse(JSON.stringify(array)));
      }),
      { seed: 11, numRuns: 300 },
    );
  });
});
