import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { recordsOfLine, recognisedKeys } from './lines.js';

const shape = (line: string) =>
  recordsOfLine(line).map((record) => ('json' in record ? record.json : `${record.bad}: ${record.text}`));

describe('recordsOfLine (MODEL §2.3)', () => {
  it.each<[string, string, unknown[]]>([
    ['an object', '{"a":1}', [{ a: 1 }]],
    ['an object with \\r', '{"a":1}\r', [{ a: 1 }]],
    ['a batch', '[{"a":1},{"a":2}]', [{ a: 1 }, { a: 2 }]],
    ['two objects on one line', '{"a":1}{"b":"}{"}', [{ a: 1 }, { b: '}{' }]],
    ['an object and a batch', '{"a":1} [{"b":2}]', [{ a: 1 }, { b: 2 }]],
    ['quotes and escapes', '{"a":"\\"}"}{"b":"\\\\"}', [{ a: '"}' }, { b: '\\' }]],
    ['a cut object', '{"a":', ['is not JSON: {"a":']],
    ['a cut object behind a whole one', '{"a":1}{"b":', [{ a: 1 }, 'is not JSON: {"b":']],
    ['an object inside a cut one', '{"a":1,"b{"c":2}', ['is not JSON: {"a":1,"b{"c":2}']],
    ['an object and text', '{"a":1} done', [{ a: 1 }, 'is not JSON: done']],
    ['text and an object', 'time {"a":1}', ['is not JSON: time {"a":1}']],
    ['a scalar', '42', ['is not a JSON object: 42']],
    ['null', 'null', ['is not a JSON object: null']],
    ['a batch with a scalar', '[{"a":1},2]', [{ a: 1 }, 'is not a JSON object: 2']],
    ['an array in a batch', '[[{"a":1}]]', ['is not a JSON object: [{"a":1}]']],
    ['nothing', '', []],
    ['white space', ' \t\r', []],
    ['an empty batch', '[]', []],
    ['a byte order mark', '\uFEFF', []],
    ['a byte order mark before an object', '\uFEFF{"a":1}', [{ a: 1 }]],
    ['NULs of a truncated file', '\u0000\u0000\u0000{"a":1}', [{ a: 1 }]],
    ['NULs alone', '\u0000\u0000', []],
    ['an empty object', '{}', [{}]],
  ])('%s', (_, line, records) => expect(shape(line)).toEqual(records));

  it('property: objects written after another are the same records, whatever stands between', () => {
    const objects = fc.array(fc.dictionary(fc.string(), fc.jsonValue()), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(objects, fc.constantFrom('', ' ', '\t', '\r'), (list, gap) => {
        const texts = list.map((object) => JSON.stringify(object));
        expect(shape(texts.join(gap))).toEqual(texts.map((text) => JSON.parse(text) as unknown));
        expect(shape(`[${texts.join(',')}]`)).toEqual(texts.map((text) => JSON.parse(text) as unknown));
      }),
      { seed: 11, numRuns: 300 },
    );
  });

  it('property: a line cut anywhere gives whole records and at most one bad one, the last', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.nat(), (object, at) => {
        const text = JSON.stringify(object);
        const records = recordsOfLine(text + text.slice(0, at % text.length));
        expect('json' in records[0]!).toBe(true);
        expect(records.slice(1).filter((record) => 'bad' in record)).toHaveLength(at % text.length === 0 ? 0 : 1);
      }),
      { seed: 12, numRuns: 300 },
    );
  });
});

describe('recognisedKeys', () => {
  it('tells known names alone, and no value', () => {
    expect(recognisedKeys('{"request": {"uri": "/x", "my_secret_field": "x", "authorization": "Bearer abc')).toEqual([
      'authorization',
      'request',
      'uri',
    ]);
  });
});

describe('nesting', () => {
  const nested = (depth: number, open = '[', close = ']') => open.repeat(depth) + '1' + close.repeat(depth);

  it.each([
    ['arrays', '['.repeat(8000) + ']'.repeat(8000)],
    ['arrays in an element', `[{"a":${nested(10_000)}}]`],
    ['objects', nested(10_000, '{"a":', '}')],
    ['objects and arrays', nested(5000, '[{"a":', '}]')],
    ['just one level too many', nested(201, '{"a":', '}')],
  ])('too deep: %s', (_what, line) => {
    const records = recordsOfLine(line);
    expect(records).toHaveLength(1);
    expect(records[0]).toMatchObject({ bad: 'is nested too deeply' });
  });

  it('is no matter as deep as any log goes', () => {
    expect(recordsOfLine(nested(200, '{"a":', '}'))[0]).toHaveProperty('json');
  });

  it('costs only the element or value that is too deep, and keeps each as it was written', () => {
    const deep = nested(10_000, '{"a":', '}');
    const line = `[ {"b": "],[\\"" , "c":[1, 2]},\n ${deep},true , {"d":1.0} ] {"e":2}${deep}`;
    expect(recordsOfLine(line).map((record) => record.text)).toEqual([
      '{"b": "],[\\"" , "c":[1, 2]}',
      deep,
      'true',
      '{"d":1.0}',
      '{"e":2}',
      deep,
    ]);
    expect(recordsOfLine(line).map((record) => ('bad' in record ? record.bad : 'good'))).toEqual([
      'good',
      'is nested too deeply',
      'is not a JSON object',
      'good',
      'good',
      'is nested too deeply',
    ]);
  });
});
