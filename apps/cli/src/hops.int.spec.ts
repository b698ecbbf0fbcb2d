import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { placeOf } from '#analytics';
import { kafkaClient, kafkaConnectionOf } from '#intake';
import { EventStoreLedger } from '#ledger';
import { createLog, HOPS, type Hop, PlaintextRefused } from '#platform';
import { runHere } from './testing/run-here.js';

/**
 * Every connection over which facts, names or bearers travel, off this machine and without TLS (docs/security.md has a
 * section on each). A hop without an entry here does not compile.
 */

const log = createLog({ write: () => undefined });
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tally-hops-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const command = (args: string[], env: Record<string, string> = {}) =>
  runHere([...args, '-o', 'json'], { data: join(folder, 'data'), env });

/** Opens a hop as the product does. */
const OPEN: Record<Hop, (allowed: ReadonlySet<Hop>) => unknown> = {
  api: async (allowed) => {
    const { startApi } = await import('../../api/src/start-api.js');
    const { LocalTally } = await import('../../api/src/tally/local-tally.js');
    const { vitalsOf } = await import('../../api/src/vitals.js');
    const tally = await LocalTally.open(join(folder, 'api'), { access: 'write', purpose: 'test' });
    const options = {
      tally,
      vitals: vitalsOf(tally),
      bearer: 'x'.repeat(40),
      log,
      host: '0.0.0.0',
      plaintext: allowed,
    };
    try {
      const api = await startApi(options);
      await api.close(0);
    } finally {
      await tally.close();
    }
  },
  kafka: (allowed) => {
    const brokers = '127.0.0.1:9092,kafka.example.com:9092';
    return kafkaClient(kafkaConnectionOf({ brokers, env: {} }), { log, allowPlaintext: allowed });
  },
  eventstore: async (allowed) => {
    // Not known to be this machine, though it is: what is allowed is tried, and nobody listens there.
    const url = 'esdb://0.0.0.0:1?tls=false&defaultDeadline=200';
    const ledger = await EventStoreLedger.open({ url, allowPlaintext: allowed.has('eventstore') });
    await ledger.close();
  },
  clickhouse: (allowed) => placeOf('http://clickhouse.example.com:8123', allowed),
};

/** What a person does: the command or setting that would open it. */
const ASKED: Record<Hop, () => ReturnType<typeof command>> = {
  api: () => command(['up', '--host', '0.0.0.0']),
  kafka: () => command(['topics', 'check', '--kafka', 'kafka.example.com:9092']),
  eventstore: () => command(['ledger', 'copy', join(folder, 'data'), 'esdb://db.example.com:2113?tls=false']),
  clickhouse: () => command(['analytics', 'status'], { TALLY_CLICKHOUSE: 'http://clickhouse.example.com:8123' }),
};

describe.each(HOPS)('%s off this machine', (hop) => {
  const others = new Set(HOPS.filter((each) => each !== hop));

  it('is refused without TLS, also where every other hop may be plain', async () => {
    for (const allowed of [new Set<Hop>(), others]) {
      const opened = (async () => OPEN[hop](allowed))();
      await expect(opened).rejects.toBeInstanceOf(PlaintextRefused);
      await expect(opened).rejects.toMatchObject({ facts: { hop } });
    }
  });

  it('is not refused where it was allowed by its name', async () => {
    const opened = (async () => OPEN[hop](new Set([hop])))();
    const error: unknown = await opened.then(
      () => undefined,
      (raised: unknown) => raised,
    );
    expect(error).not.toBeInstanceOf(PlaintextRefused);
  });

  it('is refused to a person, with what to do', async () => {
    await command(['deployment', 'activate', '--component', 'gateway', '--version', 'v1']);
    const ran = await ASKED[hop]();
    expect(ran).toMatchObject({ code: 1, stdout: '' });
    const { error } = JSON.parse(ran.stderr.trim().split('\n').at(-1) ?? '') as { error: Record<string, string> };
    expect(error).toMatchObject({ code: 'TALLY_PLAINTEXT_REFUSED' });
    expect(error['remedy']).toContain(`--allow-plaintext ${hop}`);
  });
});
