import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endBroker, launchBroker, prepareBroker, type Broker, type PrepareBroker } from './broker-process.mjs';

export type StartBroker = Omit<PrepareBroker, 'folder'>;

export interface TestBroker {
  /** Where clients connect. */
  readonly brokers: string[];
  /** A listener in plain text on loopback, beside a secured one. */
  readonly internal: string[];
  readonly clusterId: string;
  /** In PEM, where `tls` was asked for; made for this run. */
  readonly tls?: { ca: string; cert: string; key: string };
  /** Where `sasl` was asked for: PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512 are open to this user. */
  readonly sasl?: { username: string; password: string };
  /** kill -9, as a power cut would. */
  kill(): Promise<void>;
  /** Starts it again on the same data and ports, ending it first if it still lives. */
  restart(): Promise<void>;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

/** A real Kafka broker for tests, in a folder of its own; it ends with this process at the latest. */
export async function startBroker(options: StartBroker = {}): Promise<TestBroker> {
  const folder = mkdtempSync(join(tmpdir(), 'tally-kafka-'));
  let broker: Broker | undefined;
  try {
    const settings = await prepareBroker({ folder, ...options });
    broker = await launchBroker(settings);
    const { tls, sasl } = settings;
    const pem = (file: string): string => readFileSync(file, 'utf8');
    return {
      brokers: settings.brokers,
      internal: [`127.0.0.1:${settings.ports.internal}`],
      clusterId: settings.clusterId,
      ...(tls && { tls: { ca: pem(tls.ca), cert: pem(tls.clientCert), key: pem(tls.clientKey) } }),
      ...(sasl && { sasl }),
      kill: async () => {
        if (broker !== undefined) await endBroker(broker, 'SIGKILL');
      },
      restart: async () => {
        if (broker !== undefined) await endBroker(broker);
        broker = await launchBroker(settings);
      },
      stop: async () => {
        if (broker !== undefined) await endBroker(broker);
        rmSync(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}
