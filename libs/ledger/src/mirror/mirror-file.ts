import type Database from 'better-sqlite3';
import { storing, systemCodeOf } from '#platform';
import { EventRows } from '../embedded/event-rows.js';
import { openLedgerFile } from '../embedded/schema.js';
import { StreamHeads } from '../embedded/stream-heads.js';
import { TypeIds } from '../embedded/type-ids.js';
import { packEventId, unpackEventId } from '../event-id.js';
import type { Position, RecordedEvent } from '../port.js';
import { MirrorOfAnotherLedger, NotAMirror } from './errors.js';

/** Where an event stands, and which it is. */
export interface Landmark {
  position: Position;
  id: string;
}

/** The place in the other ledger up to which everything is here; it moves over events that are not copied, too. */
const CURSOR = `CREATE TABLE mirror (only INTEGER PRIMARY KEY CHECK (only = 1), cursor INTEGER NOT NULL);
  INSERT INTO mirror VALUES (1, 0);`;

/**
 * A ledger file whose positions, revisions and times are those of another ledger. Rows and cursor are written in one
 * transaction, so after a crash it goes on exactly behind its last row.
 */
export class MirrorFile {
  readonly #heads: StreamHeads;
  readonly #types: TypeIds;
  readonly #rows: EventRows;
  readonly #begin: Database.Statement<[]>;
  readonly #commit: Database.Statement<[]>;
  readonly #setCursor: Database.Statement<[number]>;
  #head: number;
  #cursor: Position;

  private constructor(
    readonly path: string,
    readonly database: Database.Database,
  ) {
    // It can be filled again: after a power cut it may lack its last rows, and then it fetches them.
    database.pragma('synchronous = NORMAL');
    this.#heads = new StreamHeads(database);
    this.#types = new TypeIds(database);
    this.#rows = new EventRows(database);
    this.#begin = database.prepare('BEGIN IMMEDIATE');
    this.#commit = database.prepare('COMMIT');
    this.#setCursor = database.prepare('UPDATE mirror SET cursor = ?');
    this.#cursor = BigInt(database.prepare<[], number>('SELECT cursor FROM mirror').pluck().get() ?? 0);
    this.#head = this.#readHead();
  }

  /** @throws NotAMirror, NewerFormat, CorruptFile, NotWritable, FileBusy, DiskFull */
  static open(path: string): MirrorFile {
    const database = openLedgerFile(path, { access: 'write' });
    try {
      return storing(path, () => {
        const has = (sql: string): boolean => database.prepare(sql).get() !== undefined;
        if (!has("SELECT 1 FROM sqlite_master WHERE name = 'mirror'")) {
          if (has('SELECT 1 FROM events')) throw new NotAMirror(path);
          database.transaction(() => database.exec(CURSOR)).immediate();
        }
        return new MirrorFile(path, database);
      });
    } catch (error) {
      database.close();
      throw error;
    }
  }

  /** Position of the last event here, 0 if there is none. */
  get head(): number {
    return this.#head;
  }

  get cursor(): Position {
    return this.#cursor;
  }

  /** The first or the last event here. */
  landmark(which: 'first' | 'last'): Landmark | undefined {
    const order = which === 'first' ? 'ASC' : 'DESC';
    const row = this.database
      .prepare<[], { position: number; id: Buffer }>(
        `SELECT position, id FROM events ORDER BY position ${order} LIMIT 1`,
      )
      .get();
    return row && { position: BigInt(row.position), id: unpackEventId(row.id) };
  }

  revisionOf(stream: string): bigint | undefined {
    const revision = this.#heads.find(stream)?.revision;
    return revision === undefined || revision < 0 ? undefined : BigInt(revision);
  }

  /**
   * Takes over events, in the order of their positions, and moves the cursor; all or nothing.
   * @throws MirrorOfAnotherLedger (something else stands where one of them belongs), DiskFull, StorageFailed
   */
  take(events: readonly RecordedEvent[], cursor: Position): void {
    storing(this.path, () => this.#begin.run());
    try {
      storing(this.path, () => {
        for (const event of events) this.#add(event);
        this.#rows.flush();
        this.#setCursor.run(Number(cursor));
        this.#commit.run();
      });
      this.#cursor = cursor;
    } catch (error) {
      if (this.database.inTransaction) this.database.exec('ROLLBACK');
      this.#rows.forget();
      this.#heads.forget();
      this.#types.forget();
      this.#head = this.#readHead();
      if (systemCodeOf(error)?.startsWith('SQLITE_CONSTRAINT') !== true) throw error;
      throw new MirrorOfAnotherLedger(this.path, 'another event stands where a new one belongs', error);
    }
  }

  close(): void {
    this.database.close();
  }

  #add({ stream, revision, position, id, type, recordedAt, data, metadata }: RecordedEvent): void {
    const head = this.#heads.findOrMake(stream);
    const typeId = this.#types.idOf(type) ?? this.#types.make(type);
    packEventId(id, this.#rows.nextId);
    this.#head = Number(position);
    // One stream comes in the order of its revisions; what is not copied leaves gaps.
    head.revision = Number(revision);
    this.#rows.add(this.#head, head.id, head.revision, typeId, recordedAt, metadata ?? null, data);
  }

  #readHead(): number {
    return this.database.prepare<[], number>('SELECT coalesce(max(position), 0) FROM events').pluck().get() ?? 0;
  }
}
