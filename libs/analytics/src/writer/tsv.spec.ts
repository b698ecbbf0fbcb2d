import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { plainText } from '../as-of/stored-facts.js';
import { heldText, tsvText, unmarkedJson } from './tsv.js';

/** Any text of JavaScript, with halves of surrogate pairs and what marks them. */
const text = fc
  .array(fc.constantFrom('a', '\\', '\t', '\n', '\0', '\ud800', '\udc00', '\udfff', '\ufdd0', 'd800', '�', '😀'))
  .map((parts) => parts.join(''));

describe('a text in ClickHouse', () => {
  it('is Unicode, one field of one line, and comes back as it was', () => {
    fc.assert(
      fc.property(text, (given) => {
        const field = tsvText(given);
        expect(field.isWellFormed()).toBe(true);
        expect(field).not.toMatch(/[\t\n\0]/);
        expect(plainText(field)).toBe(given);
        expect(JSON.parse(unmarkedJson(JSON.stringify(heldText(given))))).toBe(given);
      }),
    );
  });

  it('differs where the texts differ', () => {
    expect(tsvText('\ud800x')).not.toBe(tsvText('\ud801x'));
    expect(tsvText('\ud800')).not.toBe(tsvText('\ufdd0d800'));
  });
});
