import { describe, expect, it } from '@jest/globals';
import { InputIdle } from './errors.js';
import { whileSending } from './idle-body.js';

const bytes = (text: string): Uint8Array => Buffer.from(text);

/** Sends what it is given, then is silent. */
async function* thenSilent(...chunks: string[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield bytes(chunk);
  await new Promise(() => undefined);
}

describe('a body', () => {
  it('whose sender is silent ends once somebody waits, after all that was sent', async () => {
    let checks = 0;
    const body = whileSending(thenSilent('a', 'b'), { idleMs: 1, isWaitedFor: () => ++checks === 3 });
    const read: string[] = [];
    const reading = (async () => {
      for await (const chunk of body) read.push(Buffer.from(chunk).toString());
    })();
    await expect(reading).rejects.toBeInstanceOf(InputIdle);
    expect([read, checks]).toEqual([['a', 'b'], 3]);
  });

  it('is given whole, fails as its source does, and is closed when it is left', async () => {
    let closed = 0;
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        yield bytes('a');
        yield bytes('b');
        throw new RangeError('broken');
      } finally {
        closed++;
      }
    }
    const patience = { idleMs: 1000, isWaitedFor: () => true };
    const all = (async () => {
      for await (const _chunk of whileSending(source(), patience));
    })();
    await expect(all).rejects.toBeInstanceOf(RangeError);
    for await (const _chunk of whileSending(source(), patience)) break;
    expect(closed).toBe(2);
  });
});
