import { describe, expect, it } from '@jest/globals';
import { TooBusy } from './errors.js';
import { Turnstile } from './turnstile.js';

/** Work that ends when told. */
function held(): { work: () => Promise<void>; end: () => void; began: () => boolean } {
  let end = (): void => undefined;
  let began = false;
  const done = new Promise<void>((resolve) => (end = resolve));
  return {
    work: () => {
      began = true;
      return done;
    },
    end,
    began: () => began,
  };
}
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a turnstile', () => {
  it('lets so many in, makes so many wait in order, and turns the rest away', async () => {
    const turnstile = new Turnstile(1, 2);
    const [a, b, c] = [held(), held(), held()];
    const passed = [a, b, c].map(({ work }) => turnstile.pass(work));
    await expect(turnstile.pass(() => Promise.resolve())).rejects.toBeInstanceOf(TooBusy);
    expect([a.began(), b.began(), c.began()]).toEqual([true, false, false]);
    a.end();
    await turn();
    expect([b.began(), c.began()]).toEqual([true, false]);
    b.end();
    c.end();
    await Promise.all(passed);
    await expect(turnstile.pass(() => Promise.resolve('free'))).resolves.toBe('free');
  });

  it('goes on after work that failed', async () => {
    const turnstile = new Turnstile(1, 1);
    const failing = turnstile.pass(() => Promise.reject(new Error('no')));
    const next = turnstile.pass(() => Promise.resolve('next'));
    await expect(failing).rejects.toThrow('no');
    await expect(next).resolves.toBe('next');
  });

  it('is idle when nobody is inside or waits', async () => {
    const turnstile = new Turnstile(1, 1);
    await turnstile.idle();
    const [a, b] = [held(), held()];
    const passed = [turnstile.pass(a.work), turnstile.pass(b.work)];
    let idle = false;
    const waited = turnstile.idle().then(() => (idle = true));
    a.end();
    await turn();
    expect(idle).toBe(false);
    b.end();
    await Promise.all([...passed, waited]);
    expect(idle).toBe(true);
  });
});
