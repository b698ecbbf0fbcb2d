import { Analytics, AnalyticsUnavailable, placeOf, type OpenAnalytics, type ServerPlace } from '#analytics';
import type { LedgerScan } from '#ledger';
import type { Clock, DataDirectory, Hop } from '#platform';

/** How long a question that ClickHouse alone answers waits for another process, in ms. */
const WAIT_MS = 5000;

/** Whose ClickHouse it is, and where. */
export interface AnalyticsOf {
  directory: DataDirectory;
  scan: LedgerScan;
  clock: Clock;
  /** Of the ledger whose facts it holds. */
  ledgerId: string;
  /** A server; default: the embedded engine in the data directory. */
  url: string | undefined;
  plaintext: ReadonlySet<Hop>;
  /** Another process fills it. */
  reads: boolean;
}

/** ClickHouse beside the ledger of a data directory, opened when it is first needed. */
export class AnalyticsAccess {
  private opened: Promise<Analytics> | undefined;
  private readonly server: ServerPlace | undefined;

  constructor(private readonly place: AnalyticsOf) {
    const { url, plaintext } = place;
    this.server = url === undefined ? undefined : placeOf(url, plaintext);
  }

  /** For what ClickHouse alone answers. @throws AnalyticsBusy, AnalyticsUnavailable … */
  open(): Promise<Analytics> {
    return this.openWithin(WAIT_MS);
  }

  /**
   * For what the ledger answers as well: undefined if nothing was ever written there, another process has it, or it
   * has not come to this position.
   */
  async atHand(position: bigint): Promise<Analytics | undefined> {
    if (!this.isThere()) return undefined;
    try {
      const analytics = await this.openWithin(0);
      return (await analytics.reached()) >= position ? analytics : undefined;
    } catch {
      return undefined;
    }
  }

  /**
   * For whoever looks at the tables as they are, or builds them again: also where they cannot be opened for questions
   * (an edited migration, another release's schema, a restored ledger).
   * @param heals also over files that keep the engine from starting: they are dropped.
   */
  async asItIs<T>(use: (analytics: Analytics) => Promise<T>, heals = false): Promise<T> {
    const opened = await this.opened?.catch(() => undefined);
    if (opened !== undefined) return use(opened);
    const analytics = await Analytics.open({ ...this.options(WAIT_MS), asItIs: true, heals });
    try {
      return await use(analytics);
    } finally {
      await analytics.close();
    }
  }

  /** As `asItIs`, for what comes row by row. */
  async *streamAsItIs<T>(use: (analytics: Analytics) => AsyncGenerator<T>): AsyncGenerator<T> {
    const opened = await this.opened?.catch(() => undefined);
    const analytics = opened ?? (await Analytics.open({ ...this.options(WAIT_MS), asItIs: true }));
    try {
      yield* use(analytics);
    } finally {
      if (opened === undefined) await analytics.close();
    }
  }

  /** Whether anything was ever written there. */
  isThere(): boolean {
    return this.place.reads || this.opened !== undefined || Analytics.isThere(this.files);
  }

  async close(): Promise<void> {
    const analytics = await this.opened?.catch(() => undefined);
    await analytics?.close();
  }

  private get files(): { directory: string; lock: string; journal: string } {
    const { directory } = this.place;
    return {
      directory: directory.file('analytics'),
      lock: directory.file('analyticsLock'),
      journal: directory.file('analyticsJournal'),
    };
  }

  private options(waitMs: number): OpenAnalytics {
    const { files, server } = this;
    const { scan, clock, ledgerId, reads } = this.place;
    return { files, scan, clock, waitMs, ledgerId, reads, ...(server !== undefined && { server }) };
  }

  private openWithin(waitMs: number): Promise<Analytics> {
    if (this.opened === undefined) {
      const opening = Analytics.open(this.options(waitMs));
      this.opened = opening;
      // A failure is not remembered: the next question tries again.
      opening.catch(() => (this.opened = undefined));
    }
    return this.opened;
  }
}

/** Whether there is no ClickHouse to fill at all: what the ledger has is then all there is. */
export function hasNoAnalytics(error: unknown): boolean {
  return error instanceof AnalyticsUnavailable && error.isMissing;
}
