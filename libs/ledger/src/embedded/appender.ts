import type Database from 'better-sqlite3';
import { packEventId } from '../event-id.js';
import type { AppendOutcome, NewEvent, StreamAppend } from '../port.js';
import { judgeAppend, type StreamKnowledge, type Verdict } from './expectation.js';
import { RecentIds } from './recent-ids.js';
import { type StreamHead, StreamHeads } from './stream-heads.js';
import { TypeIds } from './type-ids.js';

type EventRow = [
  position: number,
  stream: number,
  revision: number,
  type: number,
  id: Uint8Array,
  recorded: number,
  metadata: string | null,
  data: string,
];

/** Writes batches of appends, one transaction each. The only writer of its file. */
export class Appender {
  readonly #heads: StreamHeads;
  readonly #types: TypeIds;
  readonly #recent: RecentIds;
  readonly #begin: Database.Statement<[]>;
  readonly #commit: Database.Statement<[]>;
  readonly #insert: Database.Statement<EventRow>;
  readonly #placeAt: Database.Statement<[number, number], { position: number; id: Buffer }>;
  readonly #last: Database.Statement<[], number>;
  /** SQLite copies what it is given, so one buffer serves all ids. */
  readonly #packed = Buffer.alloc(16);
  #head: number;

  constructor(
    private readonly database: Database.Database,
    private readonly clock: () => number,
  ) {
    this.#heads = new StreamHeads(database);
    this.#types = new TypeIds(database);
    this.#recent = new RecentIds(database);
    this.#begin = database.prepare('BEGIN IMMEDIATE');
    this.#commit = database.prepare('COMMIT');
    this.#insert = database.prepare('INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)');
    this.#placeAt = database.prepare('SELECT position, id FROM events WHERE stream = ? AND revision = ?');
    this.#last = database.prepare<[], number>('SELECT coalesce(max(position), 0) FROM events').pluck();
    this.#head = this.#last.get() ?? 0;
  }

  /** Position of the last committed event, 0 if there is none. */
  get head(): number {
    return this.#head;
  }

  revisionOf(stream: string): number | undefined {
    return this.#heads.find(stream)?.revision;
  }

  /** Appends in order and syncs to disk. If it throws, nothing of the batch is written. */
  append(appends: readonly StreamAppend[]): AppendOutcome[] {
    this.#begin.run();
    try {
      const recorded = this.clock();
      const outcomes = appends.map((append) => this.#appendOne(append, recorded));
      this.#commit.run();
      return outcomes;
    } catch (error) {
      // A failed commit (disk full) may have rolled back by itself.
      if (this.database.inTransaction) this.database.exec('ROLLBACK');
      this.#heads.forget();
      this.#types.forget();
      this.#recent.forget();
      this.#head = this.#last.get() ?? 0;
      throw error;
    }
  }

  #appendOne({ stream, events, expected }: StreamAppend, recorded: number): AppendOutcome {
    // A stream may be made here only if the append cannot fail afterwards: no stream is ever without events.
    const head =
      expected === 'no_stream' && events.length > 0 ? this.#heads.findOrMake(stream) : this.#heads.find(stream);
    const verdict = this.#judge(head, events, expected);
    if (verdict.kind === 'conflict') {
      return { ok: false, expected, actual: head && head.revision >= 0 ? BigInt(head.revision) : undefined };
    }
    if (verdict.kind === 'repeated') return this.#repeated(head, verdict.revision);
    const target = head ?? this.#heads.findOrMake(stream);
    for (const event of events) this.#write(target, event, recorded);
    return { ok: true, revision: BigInt(target.revision), position: BigInt(this.#head), written: true };
  }

  #judge(head: StreamHead | undefined, events: readonly NewEvent[], expected: StreamAppend['expected']): Verdict {
    const current = head?.revision ?? -1;
    // By far the most common case, decided without making anything.
    if (events.length > 0 && expected === (current < 0 ? 'no_stream' : BigInt(current))) return { kind: 'write' };
    const knowledge: StreamKnowledge = {
      current,
      isAt: (revision, id) => {
        const place = head && this.#placeAt.get(head.id, revision);
        return place !== undefined && packEventId(id, this.#packed) && place.id.equals(this.#packed);
      },
      recent: (id) => head && this.#recent.find(head.id, id, this.#head),
    };
    return judgeAppend(
      expected,
      events.map((event) => event.id),
      knowledge,
    );
  }

  #write(target: StreamHead, event: NewEvent, recorded: number): void {
    packEventId(event.id, this.#packed);
    this.#insert.run(
      this.#head + 1,
      target.id,
      target.revision + 1,
      this.#types.idOf(event.type),
      this.#packed,
      recorded,
      event.metadata ?? null,
      event.data,
    );
    this.#head += 1;
    target.revision += 1;
  }

  #repeated(head: StreamHead | undefined, revision: number): AppendOutcome {
    const place = head && this.#placeAt.get(head.id, revision);
    return { ok: true, revision: BigInt(revision), position: BigInt(place?.position ?? 0), written: false };
  }
}
