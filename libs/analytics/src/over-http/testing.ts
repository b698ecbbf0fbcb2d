import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedLedger, LedgerScan } from '#ledger';
import { Analytics, type Difference } from '../analytics.js';
import { placeOf, type ServerPlace } from '../place.js';
import { ClickHouseServer, type ServerOptions } from '../testing-server/index.js';

export interface TestServer {
  server: ClickHouseServer;
  stop: () => Promise<void>;
}

/** For specs: a server over a directory that goes with it. One at a time in a process. */
export async function startServer(options: Omit<ServerOptions, 'path'> = {}): Promise<TestServer> {
  const root = mkdtempSync(join(tmpdir(), 'tally-http-'));
  const server = await ClickHouseServer.start({ ...options, path: join(root, 'engine') });
  const stop = async (): Promise<void> => {
    await server.close();
    rmSync(root, { recursive: true, force: true });
  };
  return { server, stop };
}

/** A place at which an insert is sent three times in all, without long waits. */
export function placeAt(server: ClickHouseServer, timeoutMs = 30_000): ServerPlace {
  return { ...placeOf(server.url), timeoutMs, retryMs: [1, 1] };
}

let databases = 0;

/** For specs: a ledger of its own, followed into a database of its own of a server. */
export class Followed {
  analytics: Analytics | undefined;
  private readonly database = `over_http_${++databases}`;

  private constructor(
    private readonly root: string,
    readonly ledger: EmbeddedLedger,
    readonly scan: LedgerScan,
    /** For `open` after this. */
    public place: ServerPlace,
  ) {}

  static make(place: ServerPlace): Followed {
    const root = mkdtempSync(join(tmpdir(), 'tally-followed-'));
    const file = join(root, 'ledger.sqlite');
    const ledger = EmbeddedLedger.open(file, { access: 'write', clock: () => 1.8e12 });
    return new Followed(root, ledger, LedgerScan.open(file), place);
  }

  /** Again, after the one before was closed: as a new process would. */
  open(): Promise<Analytics> {
    return this.openWith({});
  }

  /** Also what would be refused. */
  openAsItIs(): Promise<Analytics> {
    return this.openWith({ asItIs: true });
  }

  private async openWith(options: { asItIs?: true }): Promise<Analytics> {
    await this.analytics?.close();
    this.analytics = undefined;
    const at = (name: string): string => join(this.root, name);
    this.analytics = await Analytics.open({
      files: { directory: at('clickhouse'), lock: at('lock'), journal: at('journal.sqlite') },
      server: this.place,
      database: this.database,
      scan: this.scan,
      clock: () => 1.8e12,
      waitMs: 0,
      ...options,
    });
    return this.analytics;
  }

  /** What is there, counted as rows that came twice would show, and through the views. */
  async counts(): Promise<Record<string, number>> {
    const [row] = await this.analytics!.engine.rows<Record<string, number>>(
      `SELECT (SELECT count() FROM {db}.facts) AS rows, (SELECT count() FROM {db}.facts FINAL) AS facts,
         (SELECT sum(facts) FROM {db}.rollup_minute) AS minutes, (SELECT sum(uses) FROM {db}.use_days) AS days,
         (SELECT sum(facts) FROM {db}.token_minutes) AS tokens, (SELECT sum(events) FROM {db}.batches) AS events,
         (SELECT max(end) FROM {db}.batches) AS reached`,
    );
    return row!;
  }

  async differences(): Promise<Difference[]> {
    const out: Difference[] = [];
    for await (const row of this.analytics!.fsck()) if (row.kind === 'difference') out.push(row.difference);
    return out;
  }

  async close(): Promise<void> {
    await this.analytics?.engine.command('DROP DATABASE IF EXISTS {db} SYNC');
    await this.analytics?.close();
    this.scan.close();
    await this.ledger.close();
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** What `counts` gives where so many uses are there, each once. */
export function once(n: number): Record<string, number> {
  return { rows: n, facts: n, minutes: n, days: n, tokens: n, events: n, reached: n };
}
