import type { ChildProcess } from 'node:child_process';

export interface BrokerSettings {
  folder: string;
  clusterId: string;
  ports: { internal: number; clients: number; controller: number };
  /** Where clients connect: the secured listener where there is one. */
  brokers: string[];
  tls?: { ca: string; serverStore: string; clientCert: string; clientKey: string; clientAuth: boolean };
  sasl?: { username: string; password: string };
}

export interface PrepareBroker {
  folder: string;
  port?: number;
  tls?: boolean;
  clientAuth?: boolean;
  sasl?: boolean;
  /** Further lines of server.properties. */
  extra?: Readonly<Record<string, string | number | boolean>>;
}

export interface Broker {
  child: ChildProcess;
  ended: Promise<{ code: number | null; signal?: NodeJS.Signals | null }>;
  isAlive(): boolean;
}

export function prepareBroker(options: PrepareBroker): Promise<BrokerSettings>;
export function launchBroker(settings: BrokerSettings, options?: { detached?: boolean }): Promise<Broker>;
export function endBroker(broker: Broker, signal?: NodeJS.Signals): Promise<unknown>;
export function answers(settings: BrokerSettings): Promise<boolean>;
export function freePorts(count: number): Promise<number[]>;
