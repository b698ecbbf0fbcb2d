import { describe, expect, it } from '@jest/globals';
import { Gate } from './gate.js';

/** Something that ends when it is told to. */
function held(): { done: Promise<void>; end: () => void } {
  let end: () => void = () => undefined;
  const done = new Promise<void>((resolve) => (end = resolve));
  return { done, end };
}
const turns = async (): Promise<void> => {
  for (let i = 0; i < 10; i++) await Promise.resolve();
};

describe('a gate', () => {
  it('lets one alone when those within have left; who comes meanwhile waits', async () => {
    const gate = new Gate();
    const order: string[] = [];
    const [first, exchange] = [held(), held()];
    const within = gate.pass(() => first.done.then(() => void order.push('first')));
    const alone = gate.alone(() => exchange.done.then(() => void order.push('alone')));
    await turns();
    first.end();
    await within;
    await turns();
    const later = gate.pass(async () => void order.push('later'));
    await turns();
    expect(order).toEqual(['first']);
    exchange.end();
    await Promise.all([alone, later]);
    expect(order).toEqual(['first', 'alone', 'later']);
  });

  it('lets a statement through that is part of one within, though somebody waits to be alone', async () => {
    const gate = new Gate();
    let alone: Promise<string> | undefined;
    const whole = gate.pass(async () => {
      alone = gate.alone(async () => 'exchanged');
      await turns();
      return gate.pass(async () => 'part');
    });
    expect(await whole).toBe('part');
    expect(await alone).toBe('exchanged');
  });

  it('opens again after one that failed, and lets only one be alone at a time', async () => {
    const gate = new Gate();
    await expect(gate.alone(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    let together = 0;
    let most = 0;
    const one = async (): Promise<void> => {
      most = Math.max(most, ++together);
      await turns();
      together--;
    };
    await Promise.all([gate.alone(one), gate.alone(one), gate.pass(one)]);
    expect(most).toBe(1);
  });
});
