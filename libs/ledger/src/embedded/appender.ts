import type Database from 'better-sqlite3';
import { InvalidEvent } from '../errors.js';
import { packEventId } from '../event-id.js';
import type { AppendOutcome, NewEvent, StreamAppend } from '../port.js';
import { judgeAppend, WRITE, type StreamKnowledge, type Verdict } from './expectation.js';
import { EventRows } from './event-rows.js';
import { RecentIds } from './recent-ids.js';
import { type StreamHead, StreamHeads } from './stream-heads.js';
import { TypeIds } from './type-ids.js';

const NO_ID = '00000000-0000-0000-0000-000000000000';

/** Writes batches of appends, one transaction each. The only writer of its file. */
export class Appender {
  readonly #heads: StreamHeads;
  readonly #types: TypeIds;
  readonly #recent: RecentIds;
  readonly #begin: Database.Statement<[]>;
  readonly #commit: Database.Statement<[]>;
  readonly #rows: EventRows;
  readonly #placeAt: Database.Statement<[number, number], { position: number; id: Buffer }>;
  readonly #last: Database.Statement<[], number>;
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
    this.#rows = new EventRows(database);
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
      this.#rows.flush();
      this.#commit.run();
      return outcomes;
    } catch (error) {
      // A failed commit (disk full) may have rolled back by itself.
      if (this.database.inTransaction) this.database.exec('ROLLBACK');
      this.#rows.forget();
      this.#heads.forget();
      this.#types.forget();
      this.#recent.forget();
      this.#head = this.#last.get() ?? 0;
      throw error;
    }
  }

  #appendOne({ stream, events, expected }: StreamAppend, recorded: number): AppendOutcome {
    // A stream may be made here only if the append cannot fail afterwards: no stream is ever without events.
    const head = expected === 'no_stream' && events.length > 0 ? this.#makeStream(stream) : this.#heads.find(stream);
    const verdict = this.#judge(head, events, expected);
    if (verdict.kind === 'conflict') {
      return { ok: false, expected, actual: head && head.revision >= 0 ? BigInt(head.revision) : undefined };
    }
    if (verdict.kind === 'repeated') return this.#repeated(head, verdict.revision);
    const target = head ?? this.#makeStream(stream);
    for (const event of events) this.#write(target, stream, event, recorded);
    return { ok: true, revision: BigInt(target.revision), position: BigInt(this.#head), written: true };
  }

  #judge(head: StreamHead | undefined, events: readonly NewEvent[], expected: StreamAppend['expected']): Verdict {
    const current = head?.revision ?? -1;
    // By far the most common case, decided without making anything.
    const isAtEnd =
      typeof expected === 'bigint' ? Number(expected) === current : expected === 'no_stream' && current < 0;
    if (isAtEnd && events.length > 0) return WRITE;
    this.#rows.flush();
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

  /** Refuses what the store could not give back as it came: ids that are no UUID, text that is not Unicode. */
  #write(target: StreamHead, stream: string, event: NewEvent, recorded: number): void {
    const { id, type, data, metadata } = event;
    if (!packEventId(id, this.#rows.nextId) || id === NO_ID) throw new InvalidEvent(stream, 'id', 'it is not a UUID');
    if (!data.isWellFormed()) throw new InvalidEvent(stream, 'data', 'a lone surrogate is not Unicode');
    if (metadata !== undefined && !metadata.isWellFormed()) {
      throw new InvalidEvent(stream, 'metadata', 'a lone surrogate is not Unicode');
    }
    const typeId = this.#types.idOf(type) ?? this.#makeType(stream, type);
    this.#rows.add(this.#head + 1, target.id, target.revision + 1, typeId, recorded, metadata ?? null, data);
    this.#head += 1;
    target.revision += 1;
  }

  #makeType(stream: string, type: string): number {
    if (type === '' || !type.isWellFormed()) throw new InvalidEvent(stream, 'type', 'it is empty or not Unicode');
    return this.#types.make(type);
  }

  #makeStream(stream: string): StreamHead {
    if (stream === '' || !stream.isWellFormed()) throw new InvalidEvent(stream, 'stream', 'it is empty or not Unicode');
    return this.#heads.findOrMake(stream);
  }

  #repeated(head: StreamHead | undefined, revision: number): AppendOutcome {
    const place = head && this.#placeAt.get(head.id, revision);
    return { ok: true, revision: BigInt(revision), position: BigInt(place?.position ?? 0), written: false };
  }
}
