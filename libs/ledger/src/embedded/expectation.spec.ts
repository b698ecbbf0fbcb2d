import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { judgeAppend, type StreamKnowledge } from './expectation.js';

/** A stream as a list of ids; everything in it is recent. */
const streamOf = (held: readonly string[]): StreamKnowledge => ({
  current: held.length - 1,
  isAt: (revision, id) => held[revision] === id,
  recent: (id) => (held.includes(id) ? held.lastIndexOf(id) : undefined),
  isSoftDeleted: () => false,
  hasMetadata: () => false,
});
const label: fc.Arbitrary<string> = fc.constantFrom('a', 'b', 'c', 'd');
const list = fc.array(label, { maxLength: 5 });

describe('judgeAppend', () => {
  it('at an exact revision: written at the end, repeated where the listed ids follow it, else a conflict', () => {
    fc.assert(
      fc.property(list, list, fc.integer({ min: -1, max: 6 }), (held, ids, wanted) => {
        const verdict = judgeAppend(wanted === -1 ? 'no_stream' : BigInt(wanted), ids, streamOf(held));
        const following = held.slice(wanted + 1, wanted + 1 + ids.length);
        const same = following.length === ids.length && following.every((id, index) => id === ids[index]);
        if (wanted === held.length - 1 && ids.length > 0) expect(verdict).toEqual({ kind: 'write' });
        else if (wanted <= held.length - 1 && same && (ids.length > 0 || wanted === held.length - 1)) {
          expect(verdict).toEqual({ kind: 'repeated', revision: wanted + ids.length });
        } else expect(verdict).toEqual({ kind: 'conflict' });
      }),
      { seed: 3, numRuns: 1000 },
    );
  });

  it('with any: the first id decides between writing and repeating, a later missing one is a conflict', () => {
    fc.assert(
      fc.property(list, list, (held, ids) => {
        const verdict = judgeAppend('any', ids, streamOf(held));
        const [first] = ids;
        if (first === undefined) expect(verdict).toEqual({ kind: 'repeated', revision: held.length - 1 });
        else if (!held.includes(first)) expect(verdict).toEqual({ kind: 'write' });
        else if (ids.some((id) => !held.includes(id))) expect(verdict).toEqual({ kind: 'conflict' });
        else expect(verdict).toEqual({ kind: 'repeated', revision: held.lastIndexOf(ids.at(-1) ?? '') });
      }),
      { seed: 4, numRuns: 1000 },
    );
  });

  it('stream_exists wants a stream and is any otherwise', () => {
    expect(judgeAppend('stream_exists', ['a'], streamOf([]))).toEqual({ kind: 'conflict' });
    expect(judgeAppend('stream_exists', ['a'], streamOf(['b']))).toEqual({ kind: 'write' });
  });
});
