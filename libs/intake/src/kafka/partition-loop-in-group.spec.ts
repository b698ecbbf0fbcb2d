import { describe, expect, it } from '@jest/globals';
import { StopDeadlinePassed } from './errors.js';
import { OK } from './record.js';
import { batchOf, Passing, scene, slow } from './testing/loop-scene.js';

describe('heartbeats', () => {
  it('go on while the ledger is slow', async () => {
    const it = scene({ commit: async (records) => slow(() => it.time, 3500)(records) });
    await it.run(batchOf(2));
    expect(it.did).toEqual([
      'prepare 0+2',
      'take 0+2',
      'heartbeat',
      'heartbeat',
      'heartbeat',
      'commit 2',
      'resolve 1',
      'heartbeat',
    ]);
  });

  it('that fail end the batch as they are, without a commit, and leave nothing running', async () => {
    let written = 0;
    const it = scene({
      commit: async (records) => {
        const result = await slow(() => it.time, 2500)(records);
        written++;
        return result;
      },
    });
    const failure = new Error('the group is rebalancing');
    it.state.heartbeat = () => {
      throw failure;
    };
    await expect(it.run(batchOf(4))).rejects.toBe(failure);
    expect(written).toBe(1);
    // The second, refused too, keeps this member in a group that waits for it.
    expect(it.did).toEqual(['prepare 0+2', 'take 0+2', 'prepare 2+2', 'heartbeat', 'heartbeat']);
  });

  it('that fail do not wait for ever for work that hangs; the next batch of the partition does', async () => {
    let release: () => void = () => undefined;
    const hanging = new Promise<void>((resolve) => (release = resolve));
    let hangs = true;
    const it = scene({
      commit: async (records) => {
        if (hangs) await hanging;
        return { results: records.map(() => OK) };
      },
    });
    it.state.heartbeat = () => {
      throw new Error('rebalancing');
    };
    const began = it.time.now();
    await expect(it.run(batchOf(2))).rejects.toThrow('rebalancing');
    expect(it.time.now() - began).toBe(6000);
    it.state.heartbeat = () => undefined;
    hangs = false;
    it.did.length = 0;
    // A new assignment does not make two of them.
    it.loop.assigned();
    const next = it.loop.run(batchOf(2), it.broker);
    await it.time.until(it.time.sleep(2500));
    expect(it.did).toEqual(['heartbeat', 'heartbeat']);
    release();
    await it.time.until(next);
    expect(it.did).toContain('commit 2');
  });
});

describe('a partition that is no longer ours', () => {
  it('is dropped without a commit, though its records are in the ledger', async () => {
    const it = scene({
      commit: async (records) => {
        it.state.stale = true;
        return { results: records.map(() => OK) };
      },
    });
    await it.run(batchOf(4));
    expect(it.did).toEqual(['prepare 0+2', 'take 0+2', 'prepare 2+2']);
  });

  it('ends nothing when its work fails for good', async () => {
    const it = scene({
      prepare: () => {
        it.loop.assigned();
        throw new Error('a fault');
      },
    });
    await it.run(batchOf(2));
    expect(it.did).toEqual(['prepare 0+2']);
  });

  it('is told by a new assignment as well', async () => {
    const it = scene({
      commit: async (records) => {
        it.loop.assigned();
        return { results: records.map(() => OK) };
      },
    });
    await it.run(batchOf(2));
    expect(it.did).toEqual(['prepare 0+2', 'take 0+2']);
    expect(it.loop.vitals().partitions).toEqual([]);
  });
});

describe('an assignment', () => {
  it('is prepared before anything is taken, and again where that failed', async () => {
    const it = scene();
    let attempts = 0;
    it.loop.assigned(async () => {
      await it.time.sleep(1500);
      it.at('caught up');
      if (attempts++ === 0) throw new Passing();
    });
    await it.run(batchOf(1));
    expect(it.did).toEqual(['heartbeat', 'caught up', 'pause']);
    await it.run(batchOf(1));
    expect(it.did.slice(3)).toEqual([
      ...[expect.stringMatching(/^resume/), 'heartbeat', 'caught up'],
      ...['prepare 0+1', 'take 0+1', 'commit 1', 'resolve 0', 'heartbeat'],
    ]);
    await it.run(batchOf(1, 1n));
    expect(attempts).toBe(2);
  });

  it('whose preparation is slow keeps nobody from a group that changes: it goes on for the next one', async () => {
    const it = scene();
    const began = it.time.now();
    it.loop.assigned(() => it.time.sleep(60_000));
    it.state.heartbeat = () => {
      throw new Error('rebalancing');
    };
    await expect(it.run(batchOf(1))).rejects.toThrow('rebalancing');
    expect(it.time.now() - began).toBe(1000);
  });

  it('whose preparation is slow holds no stop up', async () => {
    const it = scene();
    const began = it.time.now();
    it.loop.assigned(() => it.time.sleep(60_000));
    const running = it.loop.run(batchOf(1), it.broker);
    await it.time.until(it.time.sleep(100));
    it.loop.stop(5000);
    await it.time.until(running);
    expect(it.time.now() - began).toBe(100);
    expect(it.did).toEqual([]);
  });
});

describe('a stop', () => {
  it('lets what is under way end and be committed, and begins nothing', async () => {
    const it = scene({ commit: async (records) => slow(() => it.time, 700)(records) });
    const running = it.loop.run(batchOf(6), it.broker);
    await it.time.until(it.time.sleep(100));
    it.loop.stop(5000);
    await it.time.until(running);
    expect(it.did).toEqual(['prepare 0+2', 'take 0+2', 'prepare 2+2', 'commit 2', 'resolve 1', 'heartbeat']);
    await it.run(batchOf(2, 2n));
    expect(it.did).toHaveLength(6);
  });

  it('gives up at its deadline without a commit', async () => {
    const it = scene({ commit: () => new Promise(() => undefined) });
    const running = it.loop.run(batchOf(2), it.broker);
    await it.time.until(it.time.sleep(100));
    it.loop.stop(300);
    await expect(it.time.until(running)).rejects.toBeInstanceOf(StopDeadlinePassed);
    expect(it.did).toEqual(['prepare 0+2', 'take 0+2']);
  });
});
