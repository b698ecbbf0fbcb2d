import { describe, expect, it } from '@jest/globals';
import { PartitionWorkFailed, ResultsMiscounted } from './errors.js';
import { OK, type KafkaRecord } from './record.js';
import { batchOf, Passing, scene, slow } from './testing/loop-scene.js';

describe('a batch', () => {
  it('is taken in pieces; the next is prepared while one is written; each commit comes after its ledger', async () => {
    const { did, run } = scene();
    await run(batchOf(5));
    expect(did).toEqual([
      ...['prepare 0+2', 'take 0+2', 'prepare 2+2', 'commit 2', 'resolve 1', 'heartbeat'],
      ...['take 2+2', 'prepare 4+1', 'commit 4', 'resolve 3', 'heartbeat'],
      ...['take 4+1', 'commit 5', 'resolve 4', 'heartbeat'],
    ]);
  });

  it('is prepared further ahead where that is allowed, one piece after another', async () => {
    const { did, run } = scene({}, { ahead: 2 });
    await run(batchOf(7));
    expect(did.filter((word) => /^(prepare|take)/.test(word))).toEqual([
      ...['prepare 0+2', 'prepare 2+2', 'take 0+2', 'prepare 4+2', 'take 2+2', 'prepare 6+1', 'take 4+2', 'take 6+1'],
    ]);
  });

  it('begins with a small piece', async () => {
    const { did, run } = scene({}, { subBatch: { count: 900, bytes: 1e6, ms: 1000 } });
    await run(batchOf(3000));
    const pieces = did.filter((word) => word.startsWith('take')).map((word) => Number(word.split('+')[1]));
    expect(pieces).toEqual([250, 500, 900, 900, 450]);
  });

  it('is cut by bytes too, and a larger record goes alone', async () => {
    const { did, run } = scene({}, { subBatch: { count: 100, bytes: 7, ms: 1000 } });
    const batch = batchOf(5);
    (batch.records as KafkaRecord[])[3]!.value = Buffer.alloc(100);
    await run(batch);
    expect(did.filter((word) => word.startsWith('take'))).toEqual(['take 0+2', 'take 2+1', 'take 3+1', 'take 4+1']);
  });

  it('is cut smaller when pieces take too long, and larger again', async () => {
    let ms = 3000;
    const it = scene(
      { commit: async (records) => slow(() => it.time, ms)(records) },
      { subBatch: { count: 64, bytes: 1e6, ms: 1000 } },
    );
    await it.run(batchOf(200));
    const pieces = (): number[] =>
      it.did.filter((word) => word.startsWith('take')).map((word) => Number(word.split('+')[1]));
    // One is prepared ahead, so that a change counts from the next but one.
    expect(pieces()).toEqual([64, 64, 32, 16, 16, 8]);
    ms = 1;
    it.did.length = 0;
    await it.run(batchOf(300, 200n));
    expect(pieces()).toEqual([16, 16, 32, 64, 64, 64, 44]);
  });

  it('ends with the marks of the broker behind its last record', async () => {
    const { did, run } = scene();
    await run({ ...batchOf(1), lastOffset: 9n, highWatermark: 10n });
    expect(did).toContain('commit 10');
    expect(did).toContain('resolve 0');
  });

  it('is committed now and then, and at its end', async () => {
    const it = scene({ commit: async (records) => slow(() => it.time, 60)(records) }, { commitMs: 100 });
    await it.run(batchOf(10));
    expect(it.did.filter((word) => /commit|resolve/.test(word))).toEqual([
      ...['resolve 1', 'commit 4', 'resolve 3', 'resolve 5', 'commit 8', 'resolve 7', 'commit 10', 'resolve 9'],
    ]);
  });

  it('is committed as far as it was taken when the rest must wait, or a stop begins', async () => {
    const failing = scene(
      {
        commit: async (records) => {
          if (records[0]!.offset === 4n) throw new Passing();
          return { results: records.map(() => OK) };
        },
      },
      { commitMs: 10_000 },
    );
    await failing.run(batchOf(6));
    expect(failing.did.slice(-2)).toEqual(['commit 4', 'pause']);
    const it = scene({ commit: async (records) => slow(() => it.time, 60)(records) }, { commitMs: 10_000 });
    const running = it.loop.run(batchOf(6), it.broker);
    await it.time.until(it.time.sleep(30));
    it.loop.stop(1000);
    await it.time.until(running);
    expect(it.did.slice(-3)).toEqual(['resolve 1', 'heartbeat', 'commit 2']);
  });

  it('is committed only as far as its work says, and is read on behind that', async () => {
    const { did, run, loop } = scene({
      commit: async (records) => ({ results: records.map(() => OK), committable: (records.at(-1)!.offset / 3n) * 3n }),
    });
    await run(batchOf(6));
    expect(did.filter((word) => /commit|resolve/.test(word))).toEqual([
      'resolve 1',
      'commit 3',
      'resolve 3',
      'resolve 5',
    ]);
    expect(loop.vitals().partitions).toMatchObject([{ next: '6', committed: '3', lag: 3 }]);
  });
});

describe('results', () => {
  it('go to their topics before the offset is committed, letters with the place of their record', async () => {
    const { did, run, produced, loop } = scene({
      commit: async () => ({
        results: [
          {
            kind: 'dead-letter',
            letters: [
              { id: 'a', reason: 'bad' },
              { id: 'b', reason: 'worse' },
            ],
          },
          { kind: 'redirect', topic: 'other', reason: 'not ours' },
        ],
      }),
    });
    await run(batchOf(2, 7n));
    expect(did.slice(2)).toEqual([
      'produce 2 to tallystick.dead-letters',
      'produce 1 to other',
      'commit 9',
      'resolve 8',
      'heartbeat',
    ]);
    const [letters, redirected] = produced;
    expect(letters!.messages.map(({ key, value }) => [key, JSON.parse(String(value))])).toEqual([
      ['a', { id: 'a', reason: 'bad', from: { topic: 't', partition: 0, offset: '7', timestamp: 1_700_000_000_000 } }],
      ['b', expect.objectContaining({ id: 'b' })],
    ]);
    expect(redirected!.messages).toEqual([
      {
        key: Buffer.from('k'),
        value: Buffer.from('v8'),
        headers: { h: 'x', 'tallystick-reason': 'not ours', 'tallystick-from': 't/0/8' },
      },
    ]);
    expect(loop.vitals().results).toEqual({ ok: 0, drop: 0, 'dead-letter': 1, redirect: 1 });
  });

  it('that no broker would take are cut to what it takes', async () => {
    const box = { keyId: 'k', box: 'x'.repeat(1_400_000) };
    const { run, produced } = scene({
      commit: async () => ({
        results: [{ kind: 'dead-letter', letters: [{ id: 'a', reason: 'bad', field: 'f', redrivable: true, box }] }],
      }),
    });
    await run(batchOf(1));
    const value = String(produced[0]!.messages[0]!.value);
    expect(value.length).toBeLessThan(1000);
    expect(JSON.parse(value)).toEqual({
      ...{ id: 'a', reason: 'bad', field: 'f', redrivable: false, cut: true },
      from: expect.objectContaining({ offset: '0' }),
    });
  });

  it('that are too few commit nothing and end the consumer', async () => {
    const { did, run } = scene({ commit: async () => ({ results: [OK] }) });
    const failure = await run(batchOf(2)).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(PartitionWorkFailed);
    expect(failure).toMatchObject({ cause: expect.any(ResultsMiscounted), retriable: false });
    expect(did.filter((word) => /^(commit|resolve)/.test(word))).toEqual([]);
  });
});

describe('a failure that may pass', () => {
  it('pauses the partition, longer each time, and the records come again', async () => {
    let fails = 3;
    const { did, run, time, loop } = scene({
      commit: async (records) => {
        if (records[0]!.offset === 2n && fails-- > 0) throw new Passing();
        return { results: records.map(() => OK) };
      },
    });
    await run(batchOf(4));
    expect(did.filter((word) => /^(commit|resolve|pause)/.test(word))).toEqual(['commit 2', 'resolve 1', 'pause']);
    expect(loop.vitals().partitions).toMatchObject([{ paused: true, next: '2' }]);
    await time.until(time.sleep(10_000));
    await run(batchOf(2, 2n));
    await time.until(time.sleep(10_000));
    await run(batchOf(2, 2n));
    await time.until(time.sleep(10_000));
    const rests = did.flatMap((word) => (word.startsWith('resume at') ? [Number(word.slice(10))] : []));
    expect(rests).toHaveLength(3);
    expect(rests[0]).toBeLessThanOrEqual(200);
    expect(rests[2]! - 20_000).toBeGreaterThanOrEqual(400);
    await run(batchOf(2, 2n));
    expect(did.slice(-4)).toEqual(['take 2+2', 'commit 4', 'resolve 3', 'heartbeat']);
    expect(loop.vitals().partitions).toMatchObject([{ paused: false, lag: 0, lagSeconds: 0 }]);
  });

  it('of a dead letter is the same: nothing is committed without it', async () => {
    const it = scene({
      commit: async () => ({ results: [{ kind: 'dead-letter', letters: [{ id: 'a', reason: 'bad' }] }] }),
    });
    it.state.produce = () => {
      throw new Passing();
    };
    await it.run(batchOf(1));
    expect(it.did.slice(-1)).toEqual(['pause']);
    expect(it.did.filter((word) => /^(commit|resolve)/.test(word))).toEqual([]);
  });

  it('ends its rest when a stop begins', async () => {
    const it = scene({
      commit: async () => {
        throw new Passing();
      },
    });
    await it.run(batchOf(1));
    it.loop.stop(1000);
    await new Promise(setImmediate);
    expect(it.did.at(-1)).toBe('resume at 0');
  });
});

it('a failure that no wait mends ends the consumer with its cause', async () => {
  const fault = new TypeError('x is not a function');
  const it = scene({
    prepare: () => {
      throw fault;
    },
  });
  const failure = await it.run(batchOf(3)).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'TALLY_PARTITION_WORK_FAILED', cause: fault, facts: { offset: '0' } });
  expect(it.did).toEqual(['prepare 0+2']);
});

it('a partition that begins again is committed from there on', async () => {
  const it = scene();
  await it.run(batchOf(2, 100n));
  await it.run(batchOf(2, 0n));
  expect(it.did.filter((word) => word.startsWith('commit'))).toEqual(['commit 102', 'commit 2']);
});

it('vitals tell the age of the last progress, and the lag in records and seconds', async () => {
  const it = scene();
  await it.run({ ...batchOf(2), highWatermark: 12n });
  await it.time.until(it.time.sleep(4000));
  expect(it.loop.vitals()).toMatchObject({
    sinceProgress: 4000,
    partitions: [{ topic: 't', partition: 0, committed: '2', lag: 10, lagSeconds: 4 }],
  });
  it.loop.fetched();
  expect(it.loop.vitals().sinceProgress).toBe(0);
});
