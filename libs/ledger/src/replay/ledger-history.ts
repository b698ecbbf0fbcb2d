import {
  isName,
  isWorldType,
  type HistorySource,
  type Name,
  type NameRange,
  type RecordedFact,
  type SourceClocks,
} from '#lifecycle';
import type { LedgerScan, RawRow } from '../embedded/scan.js';
import type { Position } from '../port.js';
import { factOfRow, RepeatedFacts } from './repeated-facts.js';
import { Sightings } from './sightings.js';

const TOKEN = 'token-';

/** A ledger prefix of one tenant as the replay reads it: stream by stream, never all at once in memory. */
export class LedgerHistory implements HistorySource {
  private conflicts: Set<string> | undefined;
  private seen: Sightings | undefined;

  constructor(
    private readonly scan: LedgerScan,
    readonly tenant: string,
    readonly to: Position,
    sightings?: Sightings,
  ) {
    this.seen = sightings;
  }

  *worldFacts(): Iterable<RecordedFact> {
    const { tenant, to } = this;
    for (const prefix of worldPrefixes(tenant)) {
      for (const { rows } of this.scan.scanStreams({ prefix, to })) {
        for (const row of rows) {
          const fact = factOfRow(row);
          if (fact.tenant === tenant) yield fact;
        }
      }
    }
    for (const row of this.scan.streamRows(`settings-${tenant}`, to)) yield factOfRow(row);
  }

  *linkFacts(): Iterable<RecordedFact> {
    for (const row of this.marked()) {
      if (isWorldType(row.type)) continue;
      const fact = factOfRow(row);
      if (fact.tenant === this.tenant) yield fact;
    }
  }

  conflictKeys(): Set<string> {
    if (this.conflicts === undefined) {
      this.conflicts = new Set();
      for (const row of this.marked())
        if (row.metadata!.includes('"conflict"')) this.conflicts.add(factOfRow(row).record.key);
    }
    return this.conflicts;
  }

  private marked(): Iterable<RawRow> {
    return this.scan.scanAll({ to: this.to, onlyWithMetadata: true });
  }

  *streams(range: NameRange = {}): Iterable<{ name: Name; facts: Iterable<RecordedFact> }> {
    const { tenant } = this;
    const bounds = {
      prefix: TOKEN,
      to: this.to,
      ...(range.from === undefined ? {} : { from: TOKEN + range.from }),
      ...(range.before === undefined ? {} : { before: TOKEN + range.before }),
    };
    const whole = range.from === undefined && range.before === undefined;
    const streams =
      whole && range.order === 'any'
        ? this.scan.scanByAge({ ...bounds, ...(range.made === undefined ? {} : { ids: range.made }) })
        : this.scan.scanStreams(bounds);
    const reader = new RepeatedFacts();
    for (const { stream, rows } of streams) {
      const name = stream.slice(TOKEN.length);
      if (!isName(name)) continue;
      if (!Array.isArray(rows)) {
        // A long stream is read again at each pass instead of being held.
        const [first] = this.factsOf(name);
        if (first !== undefined)
          yield { name, facts: { [Symbol.iterator]: () => this.factsOf(name)[Symbol.iterator]() } };
        continue;
      }
      const facts = (rows as RawRow[]).map((row) => reader.read(row));
      if (facts[0]?.tenant === tenant) yield { name, facts };
    }
  }

  *factsOf(name: Name): IterableIterator<RecordedFact> {
    const reader = new RepeatedFacts();
    for (const row of this.scan.streamRows(TOKEN + name, this.to)) {
      const fact = reader.read(row);
      if (fact.tenant === this.tenant) yield fact;
    }
  }

  /** Clocks of the sources, and the versions seen, in this prefix. */
  sightings(): Sightings {
    // Shared ones may have gone on past this prefix for a later one.
    if (this.seen === undefined || this.seen.position > this.to) this.seen = new Sightings(this.tenant);
    return this.seen.extend(this.scan, this.to);
  }

  clocks(): SourceClocks {
    return this.sightings().clocks;
  }
}

function worldPrefixes(tenant: string): string[] {
  return ['family-', 'subject-', 'fence-', 'issuerkey-', `deployment-${tenant}-`, `source-${tenant}-`];
}

/** Whether a replay of a tenant reads a stream: facts of types that nobody knows stand in streams that nobody reads. */
export function isReplayed(stream: string, tenant: string): boolean {
  if (stream.startsWith(TOKEN)) return isName(stream.slice(TOKEN.length));
  return stream === `settings-${tenant}` || worldPrefixes(tenant).some((prefix) => stream.startsWith(prefix));
}
