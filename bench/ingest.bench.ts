import { createReadStream, mkdtempSync, openSync, closeSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateBenchLines, recordsOfLine } from '#sources';
import { LocalTally } from '../apps/api/src/tally/local-tally.js';
import { collectGarbage, median, rig, table } from './rig.js';

/**
 * Benchmark (b): `tally ingest` of generated Kong and Keycloak records, durable, against the rate at which one core
 * only parses the same lines. `node dist/bench/ingest.bench.js [records] [rounds]`
 */
const records = Number(process.argv[2] ?? 1_000_000);
const rounds = Number(process.argv[3] ?? 3);

const folder = mkdtempSync(join(tmpdir(), 'tally-bench-'));
const file = join(folder, 'lines.ndjson');
writeLines(file);
console.log(rig());
console.log(`${records} records, ${(statSync(file).size / 1e6).toFixed(0)} MB, ${rounds} rounds\n`);

const rates: number[] = [];
const ceilings: number[] = [];
let peak = 0;
let events = 0;
for (let round = 0; round < rounds; round++) {
  collectGarbage();
  ceilings.push(await parseOnly());
  collectGarbage();
  const dataDirectory = join(folder, `data-${round}`);
  const tally = await LocalTally.open(dataDirectory, { access: 'write', purpose: 'bench', threads: true });
  const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 200);
  const report = await tally.ingest(createReadStream(file, { highWaterMark: 1 << 20 }), {
    tenant: 'default',
    source: 'auto',
    what: file,
    finished: true,
  });
  clearInterval(watch);
  await tally.close();
  rmSync(dataDirectory, { recursive: true });
  if (report.accepted !== records) throw new Error(`accepted ${report.accepted} of ${records}`);
  rates.push(report.records / report.seconds);
  events = report.events;
}
const rate = median(rates);
const ceiling = median(ceilings);
console.log(
  table([
    ['figure', 'measured', 'target'],
    ['ingest, durable: records/s', Math.round(rate), '>= 25,000'],
    ['events a record', (events / records).toFixed(2), '<= 1.3'],
    ['ceiling, JSON.parse of the same lines on one core: records/s', Math.round(ceiling), ''],
    ['ratio', (rate / ceiling).toFixed(3), ''],
    ['peak RSS: MiB', Math.round(peak / 2 ** 20), '< 1,024'],
  ]),
);
rmSync(folder, { recursive: true });

function writeLines(path: string): void {
  const fd = openSync(path, 'w');
  let block: string[] = [];
  const flush = (): void => {
    if (block.length > 0) writeSync(fd, `${block.join('\n')}\n`);
    block = [];
  };
  for (const { line } of generateBenchLines({ seed: 1, records })) if (block.push(line) === 5000) flush();
  flush();
  closeSync(fd);
}

async function parseOnly(): Promise<number> {
  const started = performance.now();
  let seen = 0;
  let rest = '';
  for await (const chunk of createReadStream(file, { encoding: 'utf8', highWaterMark: 1 << 20 })) {
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop()!;
    for (const line of lines) seen += recordsOfLine(line).length;
  }
  return seen / ((performance.now() - started) / 1000);
}
