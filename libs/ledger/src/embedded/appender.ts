import type Database from 'better-sqlite3';
import { randomUUID } from 'node:crypto';
import { InvalidEvent } from '../errors.js';
import { packEventId } from '../event-id.js';
import type { ExpectedRevision } from '../port.js';
import { judgeAppend, WRITE, type StreamKnowledge, type Verdict } from './expectation.js';
import { EventRows } from './event-rows.js';
import { MetadataShelf } from './metadata-shelf.js';
import { RecentIds } from './recent-ids.js';
import {
  type ChangeOutcome,
  isRemoval,
  type StoreAppend,
  type StreamChange,
  type StreamRemoval,
} from './stream-change.js';
import { foreignContent, portRevision, type StorableEvent, TOMBSTONE } from './stored-event.js';
import { metadataStreamOf, SOFT_DELETED, streamOfMetadata, truncatedFrom } from './stream-metadata.js';
import { type StreamHead, StreamHeads } from './stream-heads.js';
import { TypeIds } from './type-ids.js';

const NO_ID = '00000000-0000-0000-0000-000000000000';

/** Past the tail that other programs wrote; it is walked once, when the ledger is opened. */
const LAST_OF_PRODUCT = "SELECT position FROM events WHERE typeof(data) = 'text' ORDER BY position DESC LIMIT 1";

/** Writes batches of appends, one transaction each. The only writer of its file. */
export class Appender {
  readonly #heads: StreamHeads;
  readonly #types: TypeIds;
  readonly #recent: RecentIds;
  /** What reads go by, as of the last append. */
  readonly metadata: MetadataShelf;
  readonly #begin: Database.Statement<[]>;
  readonly #commit: Database.Statement<[]>;
  readonly #rows: EventRows;
  readonly #placeAt: Database.Statement<[number, number], { position: number; id: Buffer }>;
  readonly #last: Database.Statement<[], number>;
  readonly #lastOfProduct: Database.Statement<[], number>;
  readonly #packed = Buffer.alloc(16);
  #head: number;
  #productHead: number;

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
    this.metadata = new MetadataShelf(database, this.#heads, () => this.#rows.flush());
    this.#placeAt = database.prepare('SELECT position, id FROM events WHERE stream = ? AND revision = ?');
    this.#last = database.prepare<[], number>('SELECT coalesce(max(position), 0) FROM events').pluck();
    this.#lastOfProduct = database.prepare<[], number>(LAST_OF_PRODUCT).pluck();
    this.#head = this.#last.get() ?? 0;
    this.#productHead = this.#lastOfProduct.get() ?? 0;
  }

  /** Position of the last committed event, 0 if there is none. */
  get head(): number {
    return this.#head;
  }

  /** The same for events that the product wrote itself. */
  get productHead(): number {
    return this.#productHead;
  }

  revisionOf(stream: string): number | undefined {
    return this.#heads.find(stream)?.revision;
  }

  /** Makes changes in order and syncs to disk. If it throws, nothing of the batch is written. */
  append(changes: readonly StreamChange[]): ChangeOutcome[] {
    this.#begin.run();
    try {
      const recorded = this.clock();
      const outcomes = changes.map((change) =>
        isRemoval(change) ? this.#removeOne(change, recorded) : this.#appendOne(change, recorded),
      );
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
      this.metadata.forget();
      this.#head = this.#last.get() ?? 0;
      this.#productHead = this.#lastOfProduct.get() ?? 0;
      throw error;
    }
  }

  #appendOne({ stream, events, expected }: StoreAppend, recorded: number): ChangeOutcome {
    // A stream may be made here only if the append cannot fail afterwards: no stream is ever without events.
    const isNew = expected === 'no_stream' && events.length > 0 && !this.#isGone(stream);
    const head = isNew ? this.#makeStream(stream) : this.#heads.find(stream);
    const verdict = this.#judge(stream, head, events, expected);
    if (verdict.kind === 'conflict' || verdict.kind === 'deleted') return refused(expected, head, verdict.kind);
    if (verdict.kind === 'repeated') return this.#repeated(head, verdict.revision);
    const target = head ?? this.#makeStream(stream);
    const isUndeleted = events.length > 0 && this.metadata.of(stream).isSoftDeleted;
    // Metadata on a stream that was deleted brings it back: what was in it stays hidden.
    const owner = events.length > 0 ? streamOfMetadata(stream) : undefined;
    const isBroughtBack = owner !== undefined && this.metadata.of(owner).isSoftDeleted;
    const first = target.revision + 1;
    for (const event of events) this.#write(target, stream, event, recorded);
    const outcome = this.#written(target);
    if (isUndeleted) this.#truncate(stream, first, recorded);
    if (owner !== undefined) this.metadata.changed(owner);
    if (isBroughtBack) this.#truncate(owner, (this.#heads.find(owner)?.revision ?? -1) + 1, recorded);
    return outcome;
  }

  #removeOne({ stream, expected, remove }: StreamRemoval, recorded: number): ChangeOutcome {
    const head = this.#heads.find(stream);
    const verdict = this.#judge(stream, head, [{ id: randomUUID() }], expected);
    if (verdict.kind !== 'write') return refused(expected, head, verdict.kind);
    if (remove === 'soft') {
      if ((head?.revision ?? -1) < 0 && !this.metadata.has(stream)) return refused(expected, head, 'conflict');
      return this.#writeMetadata(stream, SOFT_DELETED, recorded);
    }
    const target = head ?? this.#makeStream(stream);
    target.revision = TOMBSTONE - 1;
    const data = foreignContent(new Uint8Array(0), false);
    this.#write(target, stream, { id: randomUUID(), type: '$streamDeleted', data }, recorded);
    return this.#written(target);
  }

  #truncate(stream: string, revision: number, recorded: number): void {
    const text = truncatedFrom(this.metadata.textOf(stream) ?? '{}', revision);
    if (text !== undefined) this.#writeMetadata(stream, text, recorded);
  }

  #writeMetadata(stream: string, text: string, recorded: number): ChangeOutcome {
    const name = metadataStreamOf(stream);
    const target = this.#makeStream(name);
    const data = foreignContent(Buffer.from(text), true);
    this.#write(target, name, { id: randomUUID(), type: '$metadata', data }, recorded);
    this.metadata.changed(stream);
    return this.#written(target);
  }

  /** A metadata stream goes with its stream. */
  #isGone(stream: string): boolean {
    const owner = streamOfMetadata(stream);
    return owner !== undefined && this.#heads.find(owner)?.revision === TOMBSTONE;
  }

  #judge(
    stream: string,
    head: StreamHead | undefined,
    events: readonly { id: string }[],
    expected: ExpectedRevision,
  ): Verdict {
    const current = this.#isGone(stream) ? TOMBSTONE : (head?.revision ?? -1);
    // By far the most common case, decided without making anything.
    const isAtEnd =
      current !== TOMBSTONE &&
      (typeof expected === 'bigint' ? Number(expected) === current : expected === 'no_stream' && current < 0);
    if (isAtEnd && events.length > 0) return WRITE;
    this.#rows.flush();
    const knowledge: StreamKnowledge = {
      current,
      isAt: (revision, id) => {
        const place = head && this.#placeAt.get(head.id, revision);
        return place !== undefined && packEventId(id, this.#packed) && place.id.equals(this.#packed);
      },
      recent: (id) => head && this.#recent.find(head.id, id, this.#head),
      isSoftDeleted: () => this.metadata.of(stream).isSoftDeleted,
      hasMetadata: () => this.metadata.has(stream),
    };
    return judgeAppend(
      expected,
      events.map((event) => event.id),
      knowledge,
    );
  }

  /** Refuses what the store could not give back as it came: ids that are no UUID, text that is not Unicode. */
  #write(target: StreamHead, stream: string, event: StorableEvent, recorded: number): void {
    const { id, type, data, metadata } = event;
    if (!packEventId(id, this.#rows.nextId) || id === NO_ID) throw new InvalidEvent(stream, 'id', 'it is not a UUID');
    if (typeof data === 'string' && !data.isWellFormed()) {
      throw new InvalidEvent(stream, 'data', 'a lone surrogate is not Unicode');
    }
    if (typeof metadata === 'string' && !metadata.isWellFormed()) {
      throw new InvalidEvent(stream, 'metadata', 'a lone surrogate is not Unicode');
    }
    const typeId = this.#types.idOf(type) ?? this.#makeType(stream, type);
    this.#rows.add(this.#head + 1, target.id, target.revision + 1, typeId, recorded, metadata ?? null, data);
    this.#head += 1;
    if (typeof data === 'string') this.#productHead = this.#head;
    target.revision += 1;
  }

  #written(target: StreamHead): ChangeOutcome {
    return { ok: true, revision: portRevision(target.revision), position: BigInt(this.#head), written: true };
  }

  #makeType(stream: string, type: string): number {
    if (type === '' || !type.isWellFormed()) throw new InvalidEvent(stream, 'type', 'it is empty or not Unicode');
    return this.#types.make(type);
  }

  #makeStream(stream: string): StreamHead {
    if (stream === '' || !stream.isWellFormed()) throw new InvalidEvent(stream, 'stream', 'it is empty or not Unicode');
    return this.#heads.findOrMake(stream);
  }

  #repeated(head: StreamHead | undefined, revision: number): ChangeOutcome {
    const place = head && this.#placeAt.get(head.id, revision);
    return { ok: true, revision: BigInt(revision), position: BigInt(place?.position ?? 0), written: false };
  }
}

function refused(
  expected: ExpectedRevision,
  head: StreamHead | undefined,
  why: Exclude<Verdict['kind'], 'write'>,
): ChangeOutcome {
  const actual = head && head.revision >= 0 ? portRevision(head.revision) : undefined;
  return { ok: false, expected, actual, ...(why === 'deleted' && { isDeleted: true }) };
}
