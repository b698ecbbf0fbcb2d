#!/usr/bin/env node
// A Kafka broker on this machine without Docker: `node infra/kafka/broker.mjs start | stop | status [--data DIR]`.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { answers, launchBroker, prepareBroker } from './broker-process.mjs';

const USAGE = `usage: node infra/kafka/broker.mjs start [--port P] [--data DIR] [--tls] [--sasl] | stop | status
  --data DIR  where the broker keeps everything (default .kafka here); one broker a directory
  --port P    where clients connect; given or chosen when the directory is first used
  --tls       encrypted, with keys made for this directory; --sasl asks for a user and password, made likewise`;

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    port: { type: 'string' },
    data: { type: 'string', default: '.kafka' },
    tls: { type: 'boolean', default: false },
    sasl: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const folder = resolve(values.data);
const lockFile = join(folder, 'lock');

/** Whether a process lives and is a broker, or the start of one, on this directory: process ids are used again. */
function holds(id) {
  try {
    process.kill(id, 0);
  } catch {
    return false;
  }
  const commandLine = `/proc/${id}/cmdline`;
  if (!existsSync(commandLine)) return true;
  const words = readFileSync(commandLine, 'utf8');
  return words.includes(folder) || words.includes('broker.mjs');
}

function holder() {
  if (!existsSync(lockFile)) return undefined;
  const id = Number(readFileSync(lockFile, 'utf8'));
  return holds(id) ? id : undefined;
}

/** Takes the directory; false if another process has it. A lock that a dead process left is moved away by one alone. */
function lock() {
  if (holder() !== undefined) return false;
  try {
    if (existsSync(lockFile)) {
      const left = `${lockFile}.${process.pid}`;
      renameSync(lockFile, left);
      const isLeft = !holds(Number(readFileSync(left, 'utf8')));
      if (!isLeft) renameSync(left, lockFile);
      rmSync(left, { force: true });
      if (!isLeft) return false;
    }
    writeFileSync(lockFile, String(process.pid), { flag: 'wx' });
    return true;
  } catch {
    return false;
  }
}

function told(settings) {
  const { brokers, tls, sasl } = settings;
  return JSON.stringify({ brokers, ...(tls && { ca: tls.ca }), ...(sasl && { username: sasl.username }), folder });
}

const readSettings = () => JSON.parse(readFileSync(join(folder, 'broker.json'), 'utf8'));

async function start() {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (!lock()) {
    console.error(`a broker already runs on ${folder}; see: node infra/kafka/broker.mjs status --data ${values.data}`);
    return 1;
  }
  try {
    const port = values.port === undefined ? undefined : Number(values.port);
    const settings = await prepareBroker({ folder, port, tls: values.tls, sasl: values.sasl });
    const differs = Boolean(settings.tls) !== values.tls || Boolean(settings.sasl) !== values.sasl;
    if (differs || (port !== undefined && settings.brokers[0] !== `127.0.0.1:${port}`)) {
      throw new Error(`${folder} was made with other --port, --tls or --sasl; give the same, or remove the directory`);
    }
    const { child } = await launchBroker(settings, { detached: true });
    writeFileSync(lockFile, String(child.pid));
    child.unref();
    console.log(told(settings));
    if (settings.sasl)
      console.error(`the password is in ${join(folder, 'broker.json')}, the log in broker.log beside it`);
    return 0;
  } catch (error) {
    rmSync(lockFile, { force: true });
    console.error(error.message);
    return 1;
  }
}

async function stop() {
  const id = holder();
  if (id === undefined) {
    console.log('no broker runs');
    return 0;
  }
  process.kill(id, 'SIGTERM');
  for (let waited = 0; holder() !== undefined; waited += 100) {
    if (waited === 8000) process.kill(id, 'SIGKILL');
    await sleep(100);
  }
  rmSync(lockFile, { force: true });
  console.log('stopped');
  return 0;
}

async function status() {
  const id = holder();
  if (id === undefined) {
    console.log('no broker runs');
    return 1;
  }
  const settings = readSettings();
  const ready = await answers(settings);
  console.log(ready ? told(settings) : `process ${id} lives and does not answer; see ${join(folder, 'broker.log')}`);
  return ready ? 0 : 1;
}

const command = { start, stop, status }[positionals[0]];
if (values.help || command === undefined) {
  console.error(USAGE);
  process.exit(values.help ? 0 : 2);
}
process.exit(await command());
