import { AsOfStates } from '#analytics';
import { History, type Cut } from '#lifecycle';
import { LedgerHistory, Sightings } from '#ledger';
import { cutOfVersion, switchesOf, type Seen } from './cuts.js';
import { NotFound } from './errors.js';
import type { Frame } from './frame.js';
import type { Stores } from './stores.js';
import { encodePosition, parseAsOf, parseKnownAt, shown } from './when.js';

export interface When {
  tenant: string;
  asOf?: string | undefined;
  asKnownAt?: string | undefined;
  component?: string | undefined;
  interval?: number | undefined;
}

/** A frame whose tokens are read from ClickHouse. */
export type AnalyticsFrame = Frame & { states: AsOfStates };

const REMEMBERED = 2;

/** Makes frames; the last histories are remembered, for pages of one answer ask for the same K again and again. */
export class Frames {
  private readonly histories = new Map<string, { history: History; source: LedgerHistory }>();
  private readonly sightings = new Map<string, Sightings>();

  /** `threads`: long listings may be folded in a second thread. */
  constructor(
    private readonly stores: Stores,
    readonly threads = false,
  ) {}

  /** How many streams there are, and the file that holds them: what a thread of its own needs to read them. */
  get ledger(): { file: string; streams: number } {
    return { file: this.stores.scan.file, streams: this.stores.scan.streamCount() };
  }

  async frame(when: When): Promise<Frame> {
    const position = await this.positionOf(when.asKnownAt);
    const { history, source } = this.historyAt(when.tenant, position);
    return this.framed(when, position, history, () => source.sightings());
  }

  /**
   * The same frame out of ClickHouse, with a history that knows the world alone; undefined where it is not at hand,
   * has not come to K, or (for all tokens) would leave nearly every one to the core.
   */
  async analyticsFrame(when: When, about: 'all' | 'few'): Promise<AnalyticsFrame | undefined> {
    const position = await this.positionOf(when.asKnownAt);
    const analytics = await this.stores.analytics.atHand(position);
    if (analytics === undefined) return undefined;
    const tables = { engine: analytics.engine, reached: await analytics.reached() };
    const states = new AsOfStates(tables, when.tenant, position);
    if (about === 'all' && (await states.isForTheCore())) return undefined;
    const frame = await this.framed(when, position, await states.world(), async () => ({
      versions: new Map((await states.sightings()).map((sighting, i) => [String(i), sighting])),
    }));
    return { ...frame, states };
  }

  private async framed(
    when: When,
    position: bigint,
    history: History,
    sightings: () => Seen | Promise<Seen>,
  ): Promise<Frame> {
    const at = await this.cutOf(when, history, sightings);
    return {
      history,
      tenant: when.tenant,
      position,
      cut: at.cut,
      borders: switchesOf(history),
      asOf: at.asOf,
      knownAt: { position: encodePosition(position), time: shown(this.recordedAt(position)) },
    };
  }

  /** The versions seen in a frame's prefix. */
  sightingsOf(frame: Frame): Sightings {
    return this.historyAt(frame.tenant, frame.position).source.sightings();
  }

  private async cutOf(
    when: When,
    history: History,
    sightings: () => Seen | Promise<Seen>,
  ): Promise<{ cut: Cut; asOf: Record<string, unknown> }> {
    const now = this.stores.clock();
    if (when.asOf === undefined) return { cut: { T: now }, asOf: { time: shown(now) } };
    const asOf = parseAsOf(when.asOf);
    if ('time' in asOf) return { cut: { T: asOf.time }, asOf: { time: shown(asOf.time) } };
    return cutOfVersion({
      history,
      tenant: when.tenant,
      sightings,
      version: asOf.version,
      component: when.component,
      interval: when.interval,
      now,
    });
  }

  private historyAt(tenant: string, position: bigint): { history: History; source: LedgerHistory } {
    const key = `${tenant}\n${position}`;
    let known = this.histories.get(key);
    if (known === undefined) {
      const source = new LedgerHistory(this.stores.scan, tenant, position, this.sightingsUpTo(tenant, position));
      known = { history: new History(source), source };
      for (const old of [...this.histories.keys()].slice(0, Math.max(0, this.histories.size - REMEMBERED + 1)))
        this.histories.delete(old);
      this.histories.set(key, known);
    }
    return known;
  }

  /** Sightings only grow: those of an earlier head go on, an earlier K starts anew. */
  private sightingsUpTo(tenant: string, position: bigint): Sightings {
    const known = this.sightings.get(tenant);
    if (known !== undefined && known.position > position) return new Sightings(tenant);
    const sightings = known ?? new Sightings(tenant);
    this.sightings.set(tenant, sightings);
    return sightings;
  }

  /** K. *Known at a time t* is the last position whose running maximum of recordedAt is ≤ t (MODEL §4.1). */
  private async positionOf(asKnownAt: string | undefined): Promise<bigint> {
    const head = await this.stores.ledger.head();
    if (asKnownAt === undefined) return head;
    const known = parseKnownAt(asKnownAt);
    if ('position' in known) {
      if (known.position > head)
        throw new NotFound(
          `position ${encodePosition(known.position)}`,
          'The ledger has not come so far; ask for an earlier position.',
        );
      return known.position;
    }
    let last = 0n;
    let latest = -Infinity;
    for (const row of this.stores.scan.scanAll({ to: head })) {
      latest = Math.max(latest, row.recordedAt);
      if (latest > known.time) break;
      last = BigInt(row.position);
    }
    return last;
  }

  private recordedAt(position: bigint): number | undefined {
    if (position === 0n) return undefined;
    for (const row of this.stores.scan.scanAll({ after: position - 1n, to: position })) return row.recordedAt;
    return undefined;
  }
}
