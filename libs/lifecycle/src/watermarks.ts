import type { RecordedFact } from './observations.js';
import { DEFAULT_THRESHOLDS, mayIssue, OWN_SOURCE, profileOf, type Settings } from './settings.js';
import type { World } from './world.js';

/** What one source's facts say of its clock: the inputs of its watermark. */
export interface SourceClock {
  /** Max over facts of min(effectiveAt, recordedAt); -Infinity where all of them are from the future. */
  high: number;
  lastRecorded: number;
}

/** Collects source clocks from facts in any order. */
export class SourceClocks {
  readonly clocks = new Map<string, SourceClock>();
  /** The latest recordedAt of all facts; conclusions are nobody's clock. */
  lastRecorded = -Infinity;

  add(fact: Pick<RecordedFact, 'source' | 'time' | 'recordedAt'>): void {
    this.note(fact.source, fact.time, fact.recordedAt);
  }

  /** A line from the future advances nothing: its source has not come so far, nor to the time of recording. */
  note(source: string, time: number, recordedAt: number): void {
    const isFuture = time > recordedAt + DEFAULT_THRESHOLDS.futureSlack;
    const high = isFuture ? -Infinity : Math.min(time, recordedAt);
    if (recordedAt > this.lastRecorded) this.lastRecorded = recordedAt;
    if (source === OWN_SOURCE) return;
    const clock = this.clocks.get(source);
    if (clock === undefined) this.clocks.set(source, { high, lastRecorded: recordedAt });
    else {
      if (high > clock.high) clock.high = high;
      if (recordedAt > clock.lastRecorded) clock.lastRecorded = recordedAt;
    }
  }
}

/** How far each source is known to be complete, as of K (MODEL §4.4). */
export class Watermarks {
  private readonly marks = new Map<string, number>();

  constructor(
    clocks: SourceClocks,
    private readonly world: World,
  ) {
    const { settings } = world;
    for (const [source, clock] of clocks.clocks) {
      const profile = profileOf(settings, source);
      const lateness = profile?.lateness ?? 0;
      let mark = clock.high - lateness;
      const closed = world.closed.get(source);
      if (closed !== undefined) mark = Math.max(mark, closed);
      else if (!this.openGap(source) && clocks.lastRecorded - clock.lastRecorded >= (profile?.idle ?? Infinity)) {
        mark = Math.max(mark, clocks.lastRecorded - lateness);
      }
      if (mark !== -Infinity) this.marks.set(source, mark);
    }
  }

  private openGap(source: string): boolean {
    return (this.world.gaps.get(source) ?? []).some((gap) => !gap.closed && gap.to === Infinity);
  }

  of(source: string): number | undefined {
    return this.marks.get(source);
  }

  /** Whether every one of these sources is complete up to an instant, with no gap before it whose facts may still come. */
  reached(sources: Iterable<string>, instant: number): boolean {
    for (const source of sources) {
      const mark = this.marks.get(source);
      if (mark === undefined || mark < instant) return false;
      for (const gap of this.world.gaps.get(source) ?? []) if (!gap.closed && gap.from <= instant) return false;
    }
    return true;
  }

  /** The latest instant up to which every one of these sources is complete: `reached` holds up to it. */
  limit(sources: Iterable<string>): number {
    let limit = Infinity;
    for (const source of sources) {
      limit = Math.min(limit, this.marks.get(source) ?? -Infinity);
      for (const gap of this.world.gaps.get(source) ?? []) if (!gap.closed) limit = Math.min(limit, gap.from - 1);
    }
    return limit;
  }

  /** The sources with a mark that issue for somebody: what `issuersOf` chooses from. */
  issuers(): string[] {
    return [...this.marks.keys()].filter((source) => this.world.resolver.profile(source)?.authority === 'issuer');
  }

  /** Sources with facts that may issue for this issuer. */
  issuersOf(issuer: string | undefined): string[] {
    if (issuer === undefined) return [];
    return [...this.marks.keys()].filter((source) => {
      const profile = this.world.resolver.profile(source);
      return profile?.authority === 'issuer' && mayIssue(profile, issuer);
    });
  }

  /** Whether the settings (or an assumed profile with facts) name a source that may issue for this issuer. */
  isConnected(issuer: string | undefined): boolean {
    return this.issuersOf(issuer).length > 0 || declaresIssuer(this.world.settings, issuer);
  }

  /** The lowest mark, for people; undefined without sources. */
  get lowest(): number | undefined {
    return this.marks.size === 0 ? undefined : Math.min(...this.marks.values());
  }

  toJSON(): Record<string, number> {
    return Object.fromEntries([...this.marks].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

/** Remembers what it was asked, so that it can be told when an answer would be another. */
export class AskedWatermarks extends Watermarks {
  private asked: { sources: string[]; instant: number }[] = [];

  override reached(sources: Iterable<string>, instant: number): boolean {
    const all = [...sources].sort();
    this.asked.push({ sources: all, instant });
    return super.reached(all, instant);
  }

  /** What was asked since this was called last. */
  take(): { sources: string[]; instant: number }[] {
    const { asked } = this;
    this.asked = [];
    return asked;
  }
}

function declaresIssuer(settings: Settings, issuer: string | undefined): boolean {
  if (issuer === undefined) return false;
  return Object.keys(settings.sources).some((source) => {
    const profile = profileOf(settings, source);
    return profile?.authority === 'issuer' && mayIssue(profile, issuer);
  });
}
