import { describe, expect, it } from '@jest/globals';
import { TallyError } from '#platform';
import { TakenTogether } from './taken-together.js';

class Passing extends TallyError {
  readonly code = 'TALLY_TEST_AWAY';
  constructor() {
    super('away', { retry: true, remedy: 'wait' });
  }
}

/** Turns that begin when the test says so, and what was taken in each. */
function turns(fails: (all: readonly string[]) => Error | undefined = () => undefined) {
  let open: () => void = () => undefined;
  let turn: Promise<void> = new Promise((resolve) => (open = resolve));
  const taken: string[][] = [];
  const inTurn = (work: () => Promise<void>): Promise<void> => (turn = turn.then(work, work));
  const take = async (all: readonly string[]): Promise<void> => {
    taken.push([...all]);
    const failure = fails(all);
    if (failure !== undefined) throw failure;
  };
  return { taken, open: () => open(), together: new TakenTogether(inTurn, take, 3) };
}

const outcomes = (all: Promise<void>[]) =>
  Promise.all(
    all.map((each) =>
      each.then(
        () => 'taken',
        (error: unknown) => (error as Error).message,
      ),
    ),
  );

describe('what queues is taken together', () => {
  it('in the order in which it came, no more at once than is allowed', async () => {
    const { taken, open, together } = turns();
    const all = ['a', 'b', 'c', 'd', 'e'].map((each) => together.add(each));
    open();
    await Promise.all(all);
    expect(taken).toEqual([
      ['a', 'b', 'c'],
      ['d', 'e'],
    ]);
    await together.add('f');
    expect(taken.at(-1)).toEqual(['f']);
  });

  it('is told apart where one of them cannot be taken', async () => {
    const { taken, open, together } = turns((all) => (all.includes('b') ? new Error('too large') : undefined));
    const all = ['a', 'b', 'c'].map((each) => together.add(each));
    open();
    expect(await outcomes(all)).toEqual(['taken', 'too large', 'taken']);
    expect(taken).toEqual([['a', 'b', 'c'], ['a'], ['b'], ['c']]);
  });

  it('fails together where waiting may help: the ledger is not asked for each of them', async () => {
    let isAway = true;
    const { taken, open, together } = turns(() => (isAway ? new Passing() : undefined));
    const all = ['a', 'b'].map((each) => together.add(each));
    open();
    expect(await outcomes(all)).toEqual(['away', 'away']);
    expect(taken).toHaveLength(1);
    isAway = false;
    await together.add('a');
    expect(taken).toEqual([['a', 'b'], ['a']]);
  });
});
