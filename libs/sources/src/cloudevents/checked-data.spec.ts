import { describe, expect, it } from '@jest/globals';
import { OBSERVATIONS, type ObservationType } from '#lifecycle';
import fc from 'fast-check';
import { present } from '../parts.js';
import { checkedData } from './checked-data.js';

const jti = `20${'ab'.repeat(15)}`;
const VALUES: readonly unknown[] = [
  ...['', 'x', 0, 1, -1, 1.5, 2 ** 60, true, null, [], ['a'], [1], {}, jti, 'who', 'access', 'expired', undefined],
  { kind: 'at', at: 5, raw: '5', unit: 's', flags: [], more: 1 },
  { flags: ['odd'], unit: 'none', raw: null, kind: 'never' },
  { kind: 'set', values: ['a'], more: 1 },
  { jkt: 'k', more: 1 },
  { present: true, id: jti },
  { present: 'yes' },
  { country: 'NL', cell: '52,5', asn: 1.5 },
];
const types = Object.keys(OBSERVATIONS) as ObservationType[];

function fieldsOf(type: ObservationType): fc.Arbitrary<Record<string, unknown>> {
  const name = fc.constantFrom(...Object.keys(OBSERVATIONS[type].shape), 'other', '7', 'toString', '__proto__');
  const entry = fc.tuple(name, fc.constantFrom(...VALUES));
  return fc.array(entry, { maxLength: 6 }).map((entries) => Object.fromEntries(entries) as Record<string, unknown>);
}

describe('checked data', () => {
  it.each(types)('of %s is what its schema gives, in the same order', (type) => {
    fc.assert(
      fc.property(fieldsOf(type), (data) => {
        const parsed = OBSERVATIONS[type].safeParse(data);
        const checked = checkedData(type, data);
        if (!parsed.success) expect(checked).toHaveProperty('fault');
        else {
          const expected = JSON.stringify(present(parsed.data as Record<string, unknown>));
          expect(JSON.stringify('data' in checked ? checked.data : checked)).toBe(expected);
        }
      }),
    );
  });

  it('tells what is wrong in the words of the schema', () => {
    expect(checkedData('token.validated', { status: 1.5 })).toMatchObject({ fault: { field: 'data.status' } });
    expect(checkedData('token.validated', { parent: 'x' })).toMatchObject({ fault: { field: 'data.parent' } });
    expect(checkedData('token.validated', { count: 0 })).toMatchObject({ fault: { field: 'data.count' } });
  });
});
