import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { clearTimeout, setTimeout } from 'node:timers';
import { setTimeout as sleep } from 'node:timers/promises';
import kafkajs from 'kafkajs';
import { kafkaJars, runTool } from './jars.mjs';
import { serverProperties } from './server-properties.mjs';
import { makeTlsKeys } from './tls-keys.mjs';

const { Kafka, logLevel } = kafkajs;
const FAST_START = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'];
const READY_MS = 60_000;
const TERM_MS = 8_000;
const SETPRIV = '/usr/bin/setpriv';

/** What `start` needs to run again on the same directory: it is kept beside the data, and readable by its owner alone. */
export async function prepareBroker({ folder, port, tls = false, clientAuth = false, sasl = false, extra = {} }) {
  const file = join(folder, 'broker.json');
  if (existsSync(file) && existsSync(join(folder, 'data', 'meta.properties'))) {
    return JSON.parse(readFileSync(file, 'utf8'));
  }
  // Formatting over a directory without meta.properties hangs.
  rmSync(join(folder, 'data'), { recursive: true, force: true });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const [internal, clients, controller] = await freePorts(3);
  const secured = tls || sasl;
  const ports = { internal, clients, controller, ...(port && { [secured ? 'clients' : 'internal']: port }) };
  const settings = {
    folder,
    clusterId: randomBytes(16).toString('base64url').replace(/^-/, 'A'),
    ports,
    brokers: [`127.0.0.1:${secured ? ports.clients : ports.internal}`],
    ...(tls && { tls: { ...(await makeTlsKeys(join(folder, 'tls'))), clientAuth } }),
    ...(sasl && { sasl: { username: 'tally', password: randomBytes(18).toString('base64url') } }),
    extra,
  };
  const properties = join(folder, 'server.properties');
  writeFileSync(properties, serverProperties({ data: join(folder, 'data'), ...settings }), { mode: 0o600 });
  const scram = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) =>
    sasl ? ['--add-scram', `${mechanism}=[name=${settings.sasl.username},password=${settings.sasl.password}]`] : [],
  );
  const format = ['format', '--standalone', '-t', settings.clusterId, '-c', properties, '--ignore-formatted', ...scram];
  await runTool('java', [...(await javaArgs()), 'kafka.tools.StorageTool', ...format], { timeout: 60_000 });
  writeFileSync(file, JSON.stringify(settings, undefined, 2), { mode: 0o600 });
  return settings;
}

async function javaArgs() {
  return [...FAST_START, '-cp', join(await kafkaJars(), '*')];
}

/** Free ports of this machine. They are held together, so that no two are the same. */
export async function freePorts(count) {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/**
 * Starts a prepared broker and waits until it is ready.
 * @param detached it goes on when this process ends; else it ends with it, however that ends (Linux)
 * @returns the child; its exit is the promise `ended`
 */
export async function launchBroker(settings, { detached = false } = {}) {
  const log = openSync(join(settings.folder, 'broker.log'), 'a');
  const args = ['-Xmx512m', ...(await javaArgs()), 'kafka.Kafka', join(settings.folder, 'server.properties')];
  const bound = !detached && existsSync(SETPRIV);
  const [program, before] = bound ? [SETPRIV, ['--pdeathsig', 'KILL', 'java']] : ['java', []];
  const child = spawn(program, [...before, ...args], { stdio: ['ignore', log, log], detached });
  closeSync(log);
  const ended = new Promise((resolve) => {
    child.once('error', () => resolve({ code: 127 }));
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  const broker = { child, ended, isAlive: () => child.exitCode === null && child.signalCode === null };
  try {
    await untilReady(settings, broker);
  } catch (error) {
    await endBroker(broker, 'SIGKILL');
    throw error;
  }
  return broker;
}

async function untilReady(settings, broker) {
  const deadline = Date.now() + READY_MS;
  for (;;) {
    if (!broker.isAlive()) throw new Error(`the broker ended before it was ready; its log:\n${lastLines(settings)}`);
    if (await answers(settings)) return;
    if (Date.now() > deadline) throw new Error(`the broker was not ready in time; its log:\n${lastLines(settings)}`);
    await sleep(100);
  }
}

/** Whether this very broker answers: another one on its port has another cluster id. */
export async function answers({ ports, clusterId }) {
  const retry = { retries: 0 };
  const admin = new Kafka({
    brokers: [`127.0.0.1:${ports.internal}`],
    connectionTimeout: 1000,
    requestTimeout: 3000,
    enforceRequestTimeout: true,
    logLevel: logLevel.NOTHING,
    retry,
  }).admin({ retry });
  try {
    await admin.connect();
    const cluster = await admin.describeCluster();
    return cluster.brokers.length > 0 && cluster.clusterId === clusterId;
  } catch {
    return false;
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}

/** Ends a broker that this process started: asked first, killed after 8 s. */
export async function endBroker(broker, signal = 'SIGTERM') {
  if (!broker.isAlive()) return broker.ended;
  broker.child.kill(signal);
  const timer = setTimeout(() => broker.child.kill('SIGKILL'), TERM_MS);
  try {
    return await broker.ended;
  } finally {
    clearTimeout(timer);
  }
}

/** What went wrong by the log: its last complaints, else its last lines. */
function lastLines({ folder }) {
  const lines = readFileSync(join(folder, 'broker.log'), 'utf8').split('\n');
  const complaints = lines.filter((line) => /\] (WARN|ERROR) |^(Caused by: )?[\w.$]+(Exception|Error)\b/.test(line));
  return (complaints.length > 0 ? complaints : lines).slice(-15).join('\n');
}
