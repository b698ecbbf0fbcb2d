import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLog } from '#platform';
import { startApi } from '../../../apps/api/src/start-api.js';
import { LocalTally } from '../../../apps/api/src/tally/local-tally.js';
import { vitalsOf } from '../../../apps/api/src/vitals.js';
import type { Clock } from './clock.js';
import type { TokenSecret } from './token-secret.js';

/** For specs: the product in this process, behind its HTTP API, over a directory that goes with it. */
export interface Running {
  url: string;
  bearer: string;
  tokenSecret: TokenSecret;
  tally: LocalTally;
  /** Every fact of the ledger, as `tally export` writes it. */
  facts(): Promise<ExportedFact[]>;
  close(): Promise<void>;
}

export interface ExportedFact {
  type: string;
  source: string;
  subject: string;
  time: string;
  names: Record<string, string>;
  data: Record<string, unknown>;
  [field: string]: unknown;
}

export async function startProduct(settings: object): Promise<Running> {
  const directory = mkdtempSync(join(tmpdir(), 'tally-sdk-'));
  const tally = await LocalTally.open(directory, { access: 'write', purpose: 'sdk spec' });
  await tally.ask('settings.declare', { tenant: 'default', settings });
  const bearer = 'tally_bearer-of-this-test';
  const log = createLog({ write: () => undefined });
  const api = await startApi({ tally, vitals: vitalsOf(tally), bearer, log });
  tally.stores.secrets.current('default');
  const { version, token } = JSON.parse(readFileSync(join(directory, 'secrets', 'default.v0.key'), 'utf8')) as {
    version: number;
    token: string;
  };
  return {
    url: api.url,
    bearer,
    tokenSecret: { version, token },
    tally,
    facts: async () => {
      const answer = await tally.ask('export', { tenant: 'default' });
      const facts: ExportedFact[] = [];
      if (answer.kind === 'rows') for await (const row of answer.rows) facts.push(exported(row));
      return facts;
    },
    close: async () => {
      await api.close(100);
      await tally.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function exported(row: unknown): ExportedFact {
  const { data, ...envelope } = row as ExportedFact;
  const { names, version, gateway, region, api, personal, record, ...rest } = data;
  const stamps = Object.fromEntries(Object.entries({ version, gateway, region, api }).filter(([, value]) => value));
  return { ...envelope, ...stamps, personal, record, names: (names ?? {}) as ExportedFact['names'], data: rest };
}

/** A clock that moves when it is told to, and tells what waits. */
export class ManualClock implements Clock {
  #now: number;
  #waiting: { at: number; call: () => void }[] = [];

  constructor(now = Date.parse('2026-03-10T09:00:00Z')) {
    this.#now = now;
  }
  now(): number {
    return this.#now;
  }
  after(ms: number, call: () => void): () => void {
    const timer = { at: this.#now + ms, call };
    this.#waiting.push(timer);
    return () => {
      this.#waiting = this.#waiting.filter((other) => other !== timer);
    };
  }
  get timers(): number[] {
    return this.#waiting.map(({ at }) => at - this.#now).sort((a, b) => a - b);
  }
  advance(ms: number): void {
    this.#now += ms;
    const due = this.#waiting.filter(({ at }) => at <= this.#now);
    this.#waiting = this.#waiting.filter(({ at }) => at > this.#now);
    for (const { call } of due.sort((a, b) => a.at - b.at)) call();
  }
}
