import { parseArgs } from 'node:util';
import { HALVES, PLANTS, Simulation, type Asked } from './simulation.js';

const USAGE = `npm run simulate -- [--seeds N] [--from N] [--seed N] [--half NAME] [--plant NAME]
  --seeds  how many seeds; default 20000
  --from   the first of them; default 1
  --seed   this one alone
  --half   ${HALVES.join(' or ')} alone; default: intake, and each tenth seed analytics as well
  --plant  with a fault of the program: ${PLANTS.join(', ')}
`;
const TELL_MS = 5000;

interface Range {
  from: number;
  to: number;
}

process.exitCode = await main();

/** @returns 0: every promise was kept; 1: one was broken; 2: the command cannot be read */
async function main(): Promise<number> {
  let asked: Range & Asked;
  try {
    asked = read(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    return 2;
  }
  const simulation = new Simulation();
  try {
    await run(simulation, asked);
    return 0;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  } finally {
    await simulation.close();
  }
}

async function run(simulation: Simulation, { from, to, ...asked }: Range & Asked): Promise<void> {
  const started = performance.now();
  let events = 0;
  let told = started;
  const rate = (done: number): string => ((done * 1000) / (performance.now() - started)).toFixed(1);
  for (let seed = from; seed <= to; seed++) {
    const { intake, analytics } = await simulation.run(seed, asked);
    events += (intake?.events ?? 0) + (analytics?.events ?? 0);
    if (performance.now() - told < TELL_MS) continue;
    told = performance.now();
    // Whole lines: as readable in a log as in a terminal.
    process.stderr.write(`seed ${seed}, to ${to}: ${rate(seed - from + 1)} seeds/s\n`);
  }
  const seeds = to - from + 1;
  process.stdout.write(`every promise kept: seeds ${from} to ${to}, ${events} events, ${rate(seeds)} seeds/s\n`);
}

function read(args: readonly string[]): Range & Asked {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: { seeds: text, from: text, seed: text, half: text, plant: text },
  });
  const from = whole('seed', values.seed) ?? whole('from', values.from) ?? 1;
  const to = values.seed === undefined ? from + (whole('seeds', values.seeds) ?? 20_000) - 1 : from;
  const half = oneOf('half', HALVES, values.half);
  const plant = oneOf('plant', PLANTS, values.plant);
  return { from, to, ...(half !== undefined && { half }), ...(plant !== undefined && { plant }) };
}

function whole(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new Error(`--${name} ${text}: not a whole number from 1 on`);
  return Number(text);
}

function oneOf<T extends string>(flag: string, known: readonly T[], text: string | undefined): T | undefined {
  const found = known.find((each) => each === text);
  if (text !== undefined && found === undefined) throw new Error(`--${flag} ${text}: there is none`);
  return found;
}
