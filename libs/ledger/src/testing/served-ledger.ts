import { EventStoreDBClient } from '@eventstore/db-client';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedLedger } from '../embedded/store.js';
import { LedgerEndpoint, type StartLedgerEndpoint } from '../endpoint/ledger-endpoint.js';

/** A ledger in a directory of its own, served, with the official client connected to it. */
export class ServedLedger {
  /** In ms; what the store and the endpoint take for now. */
  now = Date.now();
  readonly #directory = mkdtempSync(join(tmpdir(), 'tally-endpoint-'));
  declare ledger: EmbeddedLedger;
  declare endpoint: LedgerEndpoint;
  declare client: EventStoreDBClient;

  private constructor(private readonly options: Partial<StartLedgerEndpoint>) {}

  static async start(options: Partial<StartLedgerEndpoint> = {}): Promise<ServedLedger> {
    const served = new ServedLedger(options);
    await served.open();
    return served;
  }

  get file(): string {
    return join(this.#directory, 'ledger.sqlite');
  }

  /** Opens, or opens again after `shut`. */
  async open(): Promise<void> {
    const clock = () => this.now;
    this.ledger = EmbeddedLedger.open(this.file, { access: 'write', clock });
    this.endpoint = await LedgerEndpoint.start({ ledger: this.ledger, clock, declareDefaults: false, ...this.options });
    this.client = EventStoreDBClient.connectionString(this.endpoint.connectionString);
  }

  async shut(): Promise<void> {
    await this.client.dispose();
    await this.endpoint.close(200);
    await this.ledger.close();
  }

  async remove(): Promise<void> {
    await this.shut();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
