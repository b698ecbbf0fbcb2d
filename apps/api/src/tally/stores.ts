import { FindingsFollower } from '#analytics';
import type { Ledger, LedgerScan } from '#ledger';
import { DeadLetters, Intake, SeenIndex } from '#intake';
import { DataDirectory, systemClock, type Clock, type Hop } from '#platform';
import { NamingSecretStore, openKeysHome, SubjectKeys, type KeysHome, type OpenKeysHome } from '#security';
import { DEFAULT_THRESHOLDS } from '#lifecycle';
import { AnalyticsAccess } from './analytics-access.js';
import { openEmbedded, openMirrored, type OpenedLedger } from './open-ledger.js';

export interface OpenStores {
  access: 'read' | 'write';
  purpose: string;
  clock?: Clock;
  /** Address of a ClickHouse server; default: the embedded engine. */
  clickhouse?: string;
  /** A directory of naming secrets and subject keys that several processes of this host share; default: the data directory. */
  keys?: string;
  /** Connection string of an EventStoreDB that is the authority; default: the embedded ledger. */
  eventstore?: string;
  /** Whether this process fills the ClickHouse server; else another one does. The embedded engine is always its own. */
  fills?: boolean;
  /** Connections that may leave this machine unencrypted. */
  plaintext?: ReadonlySet<Hop>;
}

/** Everything that lies in a data directory, opened in the order that finds damage before anything is changed. */
export class Stores {
  private constructor(
    readonly directory: DataDirectory,
    readonly clock: Clock,
    /** Only looked into, or also added to. */
    readonly access: 'read' | 'write',
    private readonly opened: OpenedLedger,
    readonly secrets: NamingSecretStore,
    private readonly openKeys: OpenKeysHome,
    readonly keys: SubjectKeys,
    readonly deadLetters: DeadLetters,
    private readonly seen: SeenIndex | undefined,
    readonly intake: Intake | undefined,
    readonly analytics: AnalyticsAccess,
    /** Judges what came in; only where the directory was opened for writing. */
    readonly follower: FindingsFollower | undefined,
  ) {}

  static async open(
    path: string,
    {
      access: asked,
      purpose,
      clock = systemClock,
      clickhouse,
      keys: keysDirectory,
      eventstore,
      plaintext = new Set(),
      // Of processes that share a ledger, the one that serves fills ClickHouse; commands only ask it.
      fills = eventstore === undefined || asked === 'write',
    }: OpenStores,
  ): Promise<Stores> {
    // The copy of a ledger elsewhere grows also while it is only read.
    const access = eventstore === undefined ? asked : 'write';
    const directory = await DataDirectory.open(path, { access, purpose, clock });
    const opened: { close(): unknown }[] = [{ close: () => directory.close() }];
    const keep = <T extends { close(): unknown }>(store: T): T => {
      opened.push(store);
      return store;
    };
    try {
      // What was there before must be there, whole, before anything is written.
      const openKeys = keep(openKeysHome(directory, keysDirectory));
      const { home: keysHome } = openKeys;
      const secrets = NamingSecretStore.open(keysHome, clock);
      const { ledger: isUsed = false } = directory.meta;
      if (keysHome.meta.subjectKeys === true) SubjectKeys.check(keysHome);
      const ledger = keep(
        eventstore === undefined
          ? openEmbedded(directory, access, clock)
          : await openMirrored(directory, eventstore, plaintext, keysHome.meta.ledgerId),
      );
      const { scan } = ledger;
      const keys = keep(SubjectKeys.open(keysHome));
      const deadLetters = keep(new DeadLetters(directory.file('deadLetters'), clock, { access, mustExist: isUsed }));
      if (!isUsed && access === 'write' && eventstore === undefined) directory.updateMeta({ ledger: true });
      const analytics = keep(
        new AnalyticsAccess({
          directory,
          scan,
          clock,
          ledgerId: ledger.ledgerId,
          url: clickhouse,
          plaintext,
          reads: clickhouse !== undefined && !fills,
        }),
      );
      let [seen, intake, follower]: [SeenIndex?, Intake?, FindingsFollower?] = [];
      if (asked === 'write') {
        seen = keep(SeenIndex.open(directory.file('intake')));
        intake = await Intake.open({
          ...ledger.intake,
          seen,
          deadLetters,
          clock,
          futureSlack: DEFAULT_THRESHOLDS.futureSlack,
        });
        follower = keep(new FindingsFollower({ ledger: ledger.ledger, scan, file: directory.file('findings'), clock }));
      }
      return new Stores(
        directory,
        clock,
        asked,
        ledger,
        secrets,
        openKeys,
        keys,
        deadLetters,
        seen,
        intake,
        analytics,
        follower,
      );
    } catch (error) {
      for (const store of opened.reverse()) await store.close();
      throw error;
    }
  }

  get ledgerId(): string {
    return this.opened.ledgerId;
  }

  get ledger(): Ledger {
    return this.opened.ledger;
  }

  get scan(): LedgerScan {
    return this.opened.scan;
  }

  /** Asks the ledger's authority for a sign of life; rejects where it gives none. */
  reach(): Promise<unknown> {
    return this.opened.reach();
  }

  /** The file that scans read. */
  get ledgerFile(): string {
    return this.opened.file;
  }

  /** @see OpenedLedger.backupTo */
  get backUpLedgerTo(): OpenedLedger['backupTo'] {
    return this.opened.backupTo;
  }

  /** Where secrets and keys lie. */
  get keysHome(): KeysHome {
    return this.openKeys.home;
  }

  async close(): Promise<void> {
    await this.follower?.close();
    await this.analytics.close();
    this.seen?.close();
    this.deadLetters.close();
    this.keys.close();
    await this.opened.close();
    this.openKeys.close();
    this.directory.close();
  }
}
