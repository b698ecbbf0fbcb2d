import { setImmediate } from 'node:timers/promises';

/** Tokens after which other work has its turn: some 25 ms of folding. */
const TURN = 500;

/** The same values; whatever else waits (a health check, another question) has its turn in between. */
export async function* inTurns<T>(values: Iterable<T>): AsyncGenerator<T> {
  let n = 0;
  for (const value of values) {
    if (++n % TURN === 0) await setImmediate();
    yield value;
  }
}

/** What steps come to; whatever else waits has its turn between any two. */
export async function stepByStep<T>(steps: Iterator<void, T>): Promise<T> {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    await setImmediate();
  }
}
