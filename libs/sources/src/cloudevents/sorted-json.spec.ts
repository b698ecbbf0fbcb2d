import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Json } from '../adapter.js';
import { sortedJson } from './sorted-json.js';

/** The definition, slow and plain. */
function plainly(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(plainly).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([key, field]) => `${JSON.stringify(key)}:${plainly(field)}`).join(',')}}`;
}

describe('sorted JSON', () => {
  it('is that of its definition, whatever was written before', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'binary' }), (value) => {
        const json = JSON.parse(JSON.stringify(value)) as Json;
        expect(sortedJson(json)).toBe(plainly(json));
      }),
    );
  });

  it('tells objects apart that have as many keys, and takes two orders for one', () => {
    expect(sortedJson({ b: 1, a: 2 })).toBe('{"a":2,"b":1}');
    expect(sortedJson({ b: 1, c: 2 })).toBe('{"b":1,"c":2}');
    expect(sortedJson({ a: 2, b: 1 })).toBe('{"a":2,"b":1}');
    expect(sortedJson({ '10': 1, '9': 2 })).toBe('{"10":1,"9":2}');
  });

  it('escapes what JSON escapes, also at the end of a text', () => {
    for (const text of ['"', '\\', 'a\n', '\u0000', '\u007f', '\ud800', 'é', 'x'.repeat(99) + '"'])
      expect(sortedJson(text)).toBe(JSON.stringify(text));
    expect(sortedJson(JSON.parse('1e999') as Json)).toBe('null');
  });
});
