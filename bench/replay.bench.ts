import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LedgerScan } from '#ledger';
import { LocalTally } from '../apps/api/src/tally/local-tally.js';
import type { Answer } from '../apps/api/src/tally/questions.js';
import { declareVersions, fillHistory, SPAN, START } from './history.js';
import { collectGarbage, median, perSecond, rig, secondsOf, table } from './rig.js';

/**
 * Benchmarks (c) and (d): all states as of a version, and a rollback plan, by full replay, against the rate at which
 * the store gives its bare rows back. `node dist/bench/replay.bench.js [events] [tokens] [rounds]`
 */
const events = Number(process.argv[2] ?? 1_000_000);
const tokens = Number(process.argv[3] ?? events / 10);
const rounds = Number(process.argv[4] ?? 3);

const folder = mkdtempSync(join(tmpdir(), 'tally-bench-'));
const tally = await LocalTally.open(folder, { access: 'write', purpose: 'bench', threads: true });
try {
  console.log(rig());
  await declareVersions(tally);
  const fillSeconds = await secondsOf(() => fillHistory(tally, { events, tokens }));
  const size = statSync(join(folder, 'ledger.sqlite')).size;
  console.log(
    `${events} events, ${tokens} tokens, ${(size / 1e9).toFixed(2)} GB, filled in ${fillSeconds.toFixed(0)} s\n`,
  );

  const bare: number[] = [];
  const state: number[] = [];
  const plan: number[] = [];
  let peak = 0;
  const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 200);
  const watched = (): void => void (peak = Math.max(peak, process.memoryUsage().rss));
  for (let round = 0; round < rounds; round++) {
    collectGarbage();
    bare.push(await secondsOf(readBare));
    collectGarbage();
    state.push(await secondsOf(() => drain({ asOf: 'version:v41', component: 'gateway' }, watched)));
    collectGarbage();
    plan.push(
      await secondsOf(() =>
        tally.ask('rollback.plan', {
          component: 'gateway',
          from: 'v42',
          to: 'v41',
          asOf: `time:${new Date(START + SPAN).toISOString()}`,
        }),
      ),
    );
    watched();
  }
  clearInterval(watch);
  const [bareS, stateS, planS] = [median(bare), median(state), median(plan)];
  console.log(
    table([
      ['figure', 'seconds', 'events/s', 'of the bare read', 'target'],
      ['bare read of $all', bareS.toFixed(1), perSecond(events, bareS), '1.00', ''],
      ['all states as of v41', stateS.toFixed(1), perSecond(events, stateS), (bareS / stateS).toFixed(2), '>= 0.5'],
      ['rollback plan v42 -> v41', planS.toFixed(1), perSecond(events, planS), (bareS / planS).toFixed(2), ''],
      ['peak RSS: MiB', Math.round(peak / 2 ** 20), '', '', 'bounded'],
    ]),
  );
} finally {
  await tally.close();
  rmSync(folder, { recursive: true });
}

function readBare(): void {
  const scan = LedgerScan.open(join(folder, 'ledger.sqlite'));
  let bytes = 0;
  for (const row of scan.scanAll()) bytes += row.data.length;
  scan.close();
  if (bytes === 0) throw new Error('the ledger is empty');
}

async function drain(params: { asOf: string; component: string }, watched: () => void): Promise<void> {
  const answer: Answer = await tally.ask('state', params);
  if (answer.kind !== 'rows') throw new Error('state gives rows');
  let n = 0;
  for await (const _row of answer.rows) if (++n % 50_000 === 0) watched();
  const { digest } = answer.end!() as { digest: string };
  if (digest.length !== 64) throw new Error('no digest');
}
