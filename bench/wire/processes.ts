import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type * as BrokerProcess from '../../infra/kafka/broker-process.mjs';

const BIN = fileURLToPath(new URL('../../../bin/tally.js', import.meta.url));
/** Of /proc/PID/stat; 100 on every Linux that Node runs on. */
const TICKS_A_SECOND = 100;

export interface Child {
  pid: number;
  /** Ends it as an operator would. */
  stop(): Promise<void>;
}

export interface Served extends Child {
  /** Of its EventStoreDB protocol. */
  url: string;
}

/** Seconds of processor time that a process has used so far (Linux). */
export function cpuOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name, in brackets, may hold spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
}

/** The most memory that a process has held, in MiB (Linux). */
export function peakOf(pid: number): number {
  const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kibibytes) / 1024;
}

/** Runs a command of the product to its end. */
export async function tally(args: readonly string[], cwd: string): Promise<void> {
  const child = start(args, cwd);
  const said = textOf(child);
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`tally ${args.join(' ')} ended with ${code}: ${said()}`);
}

/** A ledger with settings, served by a process of its own. */
export async function serveLedger(folder: string, settings: object): Promise<Served> {
  const data = `${folder}-ledger`;
  writeFileSync(`${folder}.json`, JSON.stringify(settings));
  await tally(['settings', 'declare', `${folder}.json`, '--data', data], folder);
  const child = start(['ledger', 'serve', '--data', data, '-o', 'json'], folder);
  const said = textOf(child);
  for await (const line of createInterface({ input: child.stdout! })) {
    const { url } = JSON.parse(line) as { url: string };
    return { url, ...endable(child) };
  }
  throw new Error(`the ledger did not start: ${said()}`);
}

export interface ProjectorRun {
  folder: string;
  broker: string;
  ledger: string;
  group: string;
  /** Records of a range of minute mode. */
  range: number;
  /** Where V8 writes a profile. */
  profile?: string;
}

/** A projector of the role intake; resolves when its partitions were assigned. */
export async function startProjector({ folder, broker, ledger, group, range, profile }: ProjectorRun): Promise<Child> {
  const args = [
    'projector',
    '--roles',
    'intake',
    '--kafka',
    broker,
    '--eventstore',
    ledger,
    '--group',
    group,
    '--range',
    String(range),
  ];
  const flags = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`];
  const child = start([...args, '--data', join(folder, 'projector')], folder, flags);
  const said = textOf(child);
  await new Promise<void>((resolve, reject) => {
    child.stderr!.on('data', () => {
      if (/partitions assigned/.test(said())) resolve();
    });
    child.once('exit', () => reject(new Error(`the projector ended: ${said()}`)));
  });
  return endable(child);
}

function start(args: readonly string[], cwd: string, flags: readonly string[] = []): ChildProcess {
  const { TALLY_DATA: _data, NODE_OPTIONS: _options, ...env } = process.env;
  return spawn(process.execPath, [...flags, BIN, ...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
}

function textOf(child: ChildProcess): () => string {
  let text = '';
  child.stderr!.setEncoding('utf8').on('data', (more: string) => (text += more));
  return () => text;
}

function endable(child: ChildProcess): Child {
  return {
    pid: child.pid!,
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const closed = once(child, 'close');
      child.stdout?.resume();
      child.kill('SIGTERM');
      await closed;
    },
  };
}

/** A broker with its data in a folder. */
export async function brokerIn(folder: string): Promise<Child & { address: string }> {
  // It is no part of the build.
  const script = new URL('../../../infra/kafka/broker-process.mjs', import.meta.url).href;
  const { endBroker, launchBroker, prepareBroker } = (await import(script)) as typeof BrokerProcess;
  const settings = await prepareBroker({ folder });
  const broker = await launchBroker(settings);
  return {
    pid: broker.child.pid!,
    address: settings.brokers[0]!,
    stop: async () => void (await endBroker(broker)),
  };
}
