import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LedgerHistory, LedgerScan } from '#ledger';
import { History, stateLine, StateDigest } from '#lifecycle';
import { type AnalyticsEngine, migrate } from '#analytics';
import { LocalTally } from '../apps/api/src/tally/local-tally.js';
import { SortedRows } from '../apps/api/src/tally/sorted-rows.js';
import { BatchRowsMaker, readBatch, type BatchRows } from '../libs/analytics/src/writer/batch.js';
import { ATTRIBUTE_COLUMNS, FACT_COLUMNS } from '../libs/analytics/src/writer/fact-rows.js';
import { declareVersions, fillHistory, SPAN, START } from './history.js';
import { collectGarbage, median, perSecond, rig, secondsOf, table } from './rig.js';

/**
 * What ClickHouse takes in and answers: filling it from the ledger against bare inserts of the same rows, all states as
 * of a version, a rollback plan, findings. `node dist/bench/analytics.bench.js [events] [tokens] [touched] [rounds]`;
 * `--ledger` also replays the ledger for the digest (minutes at 10 M events).
 */
const words = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const events = Number(words[0] ?? 1_000_000);
const tokens = Number(words[1] ?? events / 10);
const touched = Number(words[2] ?? Math.min(100_000, tokens));
const rounds = Number(words[3] ?? 3);
const againstLedger = process.argv.includes('--ledger');

const kept = /^--data=(.+)$/.exec(process.argv.find((word) => word.startsWith('--data=')) ?? '')?.[1];
const folder = kept ?? mkdtempSync(join(tmpdir(), 'tally-bench-'));
const asOf = `time:${new Date(START + SPAN).toISOString()}`;
const rows: (string | number)[][] = [['figure', 'seconds', 'a second', 'target']];
const told = (figure: string, seconds: number, count: number | undefined, target: string): void => {
  rows.push([figure, seconds.toFixed(2), count === undefined ? '' : perSecond(count, seconds), target]);
  console.log(`${figure}: ${seconds.toFixed(2)} s`);
};

const tally = await LocalTally.open(folder, { access: 'write', purpose: 'bench', threads: true });
try {
  console.log(rig());
  const isNew = (await tally.stores.ledger.head()) === 0n;
  if (isNew) await declareVersions(tally);
  const fillSeconds = await secondsOf(async () => isNew && (await fillHistory(tally, { events, tokens, touched })));
  const size = statSync(join(folder, 'ledger.sqlite')).size;
  console.log(
    `${events} events, ${tokens} tokens, ${touched} touched by v42; ${(size / 1e9).toFixed(2)} GB in ${fillSeconds.toFixed(0)} s`,
  );

  const analytics = await tally.stores.analytics.open();
  const filled = await secondsOf(() => analytics.catchUp());
  if (isNew) told('fill from the ledger', filled, events, '');
  const bare = await bareInserts(analytics.engine, Math.min(events, 500_000));
  told('bare inserts of the same rows', bare.seconds, bare.facts, '');
  const ratio = events / filled / (bare.facts / bare.seconds);
  if (isNew) rows.push(['ratio, fill to bare', ratio.toFixed(2), '', '>= 0.5']);

  const states: number[] = [];
  let digest = '';
  for (let round = 0; round < rounds; round++) {
    collectGarbage();
    states.push(
      await secondsOf(async () => {
        const answer = await tally.ask('state', { asOf: 'version:v41', component: 'gateway' });
        if (answer.kind !== 'rows') throw new Error('state gives rows');
        for await (const _row of answer.rows);
        const end = answer.end!() as { digest: string; from: string };
        if (end.from !== 'clickhouse') throw new Error(`answered from ${end.from}`);
        digest = end.digest;
      }),
    );
  }
  told('all states as of v41', median(states), tokens, '< 4 s (1 M tokens, 10 M events)');

  const plans: number[] = [];
  for (let round = 0; round < rounds; round++) {
    collectGarbage();
    plans.push(
      await secondsOf(() => tally.ask('rollback.plan', { component: 'gateway', from: 'v42', to: 'v41', asOf })),
    );
  }
  told(`rollback plan v42 -> v41, ${touched} touched`, median(plans), touched, '< 2 s');

  told('findings judged, the first time', await secondsOf(() => tally.settle()), events, '');
  const findings: number[] = [];
  for (let round = 0; round < rounds; round++) {
    findings.push(
      await secondsOf(async () => {
        const answer = await tally.ask('findings', {});
        if (answer.kind === 'rows') for await (const _row of answer.rows);
      }),
    );
  }
  told('findings', median(findings), undefined, '< 0.2 s');

  if (againstLedger) {
    let ledger = '';
    told(
      'the same states by replay of the ledger',
      await secondsOf(async () => (ledger = await replayed())),
      tokens,
      '',
    );
    rows.push(['digests agree', ledger === digest ? 'yes' : `NO: ${ledger} ${digest}`, '', 'yes']);
  }
  rows.push(['RSS at the end: MiB', Math.round(process.memoryUsage().rss / 2 ** 20), '', '']);
  console.log(`\n${table(rows)}`);
} finally {
  await tally.close();
  if (kept === undefined) rmSync(folder, { recursive: true });
}

/** The ceiling: rows that are ready as text go into the same tables with the same views, one insert after another. */
async function bareInserts(own: AnalyticsEngine, atMost: number): Promise<{ seconds: number; facts: number }> {
  const engine = own.over('bare');
  await migrate(engine);
  const scan = LedgerScan.open(join(folder, 'ledger.sqlite'));
  const maker = new BatchRowsMaker();
  let [seconds, facts, at] = [0, 0, 0];
  while (facts < atMost) {
    const read = readBatch(scan, at);
    if (read === undefined) break;
    const batch = maker.make(read.rows, read.bounds, () => true);
    at = batch.end;
    facts += batch.facts;
    seconds += await secondsOf(() => insert(engine, batch));
  }
  scan.close();
  await engine.command('DROP DATABASE {db} SYNC');
  return { seconds, facts };
}

async function insert(engine: AnalyticsEngine, { start, factRows, attributeRows }: BatchRows): Promise<void> {
  await engine.insert('facts', FACT_COLUMNS, factRows, `facts:${start}`);
  await engine.insert('attributes', ATTRIBUTE_COLUMNS, attributeRows, `attributes:${start}`);
}

/** The digest of the same states from the ledger alone. */
async function replayed(): Promise<string> {
  const { scan, ledger } = tally.stores;
  const history = new History(new LedgerHistory(scan, 'default', await ledger.head()));
  const off = START + SPAN / 2;
  const sorted = new SortedRows();
  for (const { view } of history.views({ T: off - 1 }, [off], { order: 'any' }))
    if (view.kind !== 'consumer') sorted.add(view.name, stateLine(view));
  const digest = new StateDigest();
  for (const line of sorted.drain()) digest.addLine(line);
  return digest.hex();
}
