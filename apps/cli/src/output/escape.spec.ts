import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { cell, width } from './cells.js';
import { shownJson, shownText } from './escape.js';

const ANY_TEXT = fc
  .string({ unit: 'binary' })
  .chain((text) =>
    fc
      .constantFrom('', '\u001b[2J', '\u202e', '\ud800', '\udc00x', '\u0085', '\u2066', '\t\n')
      .map((bad) => text + bad),
  );
const UNSAFE = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/u;

describe('text for a terminal', () => {
  it('shows what would act on the terminal instead of doing it', () => {
    expect(shownText('a\u001b[2Jb')).toBe('a\\u{1b}[2Jb');
    expect(shownText('user\u202egnp.exe')).toBe('user\\u{202e}gnp.exe');
    expect(shownText('lone \ud800 and \udfff, a pair \u{1f600}')).toBe(
      'lone \\u{d800} and \\u{dfff}, a pair \u{1f600}',
    );
    expect(cell('tab\tline\n')).toBe('tab\\u{9}line\\u{a}');
    expect(cell({ a: '\u202e' })).toBe('{"a":"\\u{202e}"}');
  });

  it('is well-formed and safe, whatever came in', () => {
    fc.assert(
      fc.property(ANY_TEXT, (text) => {
        const shown = shownText(text);
        expect(shown).not.toMatch(UNSAFE);
        expect(shown.isWellFormed()).toBe(true);
      }),
      { seed: 5 },
    );
  });
});

describe('JSON for a terminal', () => {
  it('is safe to show, and the same value', () => {
    fc.assert(
      fc.property(ANY_TEXT, fc.constantFrom(undefined, 2), (text, indent) => {
        const shown = shownJson({ [text]: [text] }, indent);
        expect(shown.replaceAll('\n', '')).not.toMatch(UNSAFE);
        expect(shown.isWellFormed()).toBe(true);
        expect(JSON.parse(shown)).toEqual({ [text]: [text] });
      }),
      { seed: 6 },
    );
  });
});

it('the width of a text is what a terminal gives it', () => {
  expect(['ada', 'Zoë', 'Zoe\u0308', '山田', '\u{1f600}'].map(width)).toEqual([3, 3, 3, 4, 2]);
});
