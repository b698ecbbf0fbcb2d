import Database from 'better-sqlite3';
import { rmSync } from 'node:fs';

/** Version of the table; an older or broken index is thrown away and filled again from `$all`. */
const VERSION = 3;

/** Batches that reach the file together. */
const BATCHES_A_SAVE = 32;

export type Seen = 'new' | 'duplicate' | 'conflict';

/**
 * What intake has already put into the ledger: record key → digests, and how far in `$all` it has looked (MODEL §9.1).
 * It is a cache on disk: lost or behind, it is filled again from the ledger before anything is taken in.
 */
export class SeenIndex {
  private readonly db: Database.Database;
  private readonly firstOf: Database.Statement<[Buffer, Buffer]>;
  private readonly insert: Database.Statement<[Buffer, Buffer]>;
  private readonly find: Database.Statement<[Buffer], { digest: Buffer }>;
  private readonly variant: Database.Statement<[Buffer, Buffer]>;
  private readonly moveCursor: Database.Statement<[bigint]>;
  private readonly openBatch: Database.Statement<[]>;
  private readonly releaseBatch: Database.Statement<[]>;
  private readonly undoBatch: Database.Statement<[]>;
  private readonly setMark: Database.Statement<[bigint, string]>;
  private cursorAt: bigint;
  private mark: { position: bigint; event: string } | undefined;
  private inBatch = false;
  private unsaved = 0;

  private constructor(db: Database.Database) {
    this.db = db;
    this.firstOf = db.prepare('INSERT INTO seen (key, digest) VALUES (?, ?) ON CONFLICT DO NOTHING');
    this.insert = db.prepare('INSERT INTO variants (key, digest) VALUES (?, ?) ON CONFLICT DO NOTHING');
    this.find = db.prepare('SELECT digest FROM seen WHERE key = ?');
    this.variant = db.prepare('SELECT 1 FROM variants WHERE key = ? AND digest = ?');
    this.moveCursor = db.prepare('UPDATE cursor SET position = ?');
    this.setMark = db.prepare(
      'INSERT INTO landmark VALUES (0, ?, ?) ON CONFLICT (id) DO UPDATE SET position = excluded.position, event = excluded.event',
    );
    this.openBatch = db.prepare('SAVEPOINT batch');
    this.releaseBatch = db.prepare('RELEASE batch');
    this.undoBatch = db.prepare('ROLLBACK TO batch');
    const row = db.prepare<[], { position: bigint }>('SELECT position FROM cursor').safeIntegers().get();
    this.cursorAt = row?.position ?? 0n;
    this.mark = db
      .prepare<[], { position: bigint; event: string }>('SELECT position, event FROM landmark')
      .safeIntegers()
      .get();
  }

  static open(path: string): SeenIndex {
    try {
      return SeenIndex.tryOpen(path);
    } catch {
      for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true });
      return SeenIndex.tryOpen(path);
    }
  }

  private static tryOpen(path: string): SeenIndex {
    const db = new Database(path);
    try {
      db.pragma('journal_mode = WAL');
      // The ledger is what must be durable; this index may lag behind it and catches up.
      db.pragma('synchronous = OFF');
      db.pragma('cache_size = -24576');
      const version = db.pragma('user_version', { simple: true });
      if (version !== 0 && version !== VERSION) throw new Error('other version');
      db.exec(`CREATE TABLE IF NOT EXISTS seen (key BLOB PRIMARY KEY, digest BLOB NOT NULL) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS variants (key BLOB NOT NULL, digest BLOB NOT NULL, PRIMARY KEY (key, digest)) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS cursor (id INTEGER PRIMARY KEY CHECK (id = 0), position INTEGER NOT NULL);
        CREATE TABLE IF NOT EXISTS landmark (id INTEGER PRIMARY KEY CHECK (id = 0), position INTEGER NOT NULL, event TEXT NOT NULL);
        INSERT OR IGNORE INTO cursor VALUES (0, 0);`);
      db.pragma(`user_version = ${VERSION}`);
      return new SeenIndex(db);
    } catch (error) {
      db.close();
      throw error;
    }
  }

  /** The last position of `$all` that the index covers. */
  get cursor(): bigint {
    return this.cursorAt;
  }

  /**
   * Looks a record up and remembers it; nothing is kept before `commit`.
   * @param older digests of the same content under secrets that were rotated out: any of them makes it a duplicate.
   */
  see(key: string, digest: string, older: readonly string[] = []): Seen {
    this.begin();
    const keyBytes = Buffer.from(key, 'hex');
    const digestBytes = Buffer.from(digest, 'hex');
    if (this.firstOf.run(keyBytes, digestBytes).changes === 1) return 'new';
    const first = this.find.get(keyBytes)!.digest;
    if (first.equals(digestBytes)) return 'duplicate';
    for (const other of older) {
      const otherBytes = Buffer.from(other, 'hex');
      if (first.equals(otherBytes) || this.variant.get(keyBytes, otherBytes) !== undefined) return 'duplicate';
    }
    return this.insert.run(keyBytes, digestBytes).changes === 1 ? 'conflict' : 'duplicate';
  }

  /** Takes back that something was seen: the ledger will never hold it. What came after it under its key is then the first. */
  forget(key: string, digest: string): void {
    this.begin();
    const [keyBytes, digestBytes] = [Buffer.from(key, 'hex'), Buffer.from(digest, 'hex')];
    const takeVariant = this.db.prepare<[Buffer, Buffer]>('DELETE FROM variants WHERE key = ? AND digest = ?');
    if (takeVariant.run(keyBytes, digestBytes).changes === 1) return;
    const takeFirst = this.db.prepare<[Buffer, Buffer]>('DELETE FROM seen WHERE key = ? AND digest = ?');
    if (takeFirst.run(keyBytes, digestBytes).changes === 0) return;
    const next = this.db
      .prepare<[Buffer], { digest: Buffer }>('SELECT digest FROM variants WHERE key = ? LIMIT 1')
      .get(keyBytes);
    if (next === undefined) return;
    takeVariant.run(keyBytes, next.digest);
    this.firstOf.run(keyBytes, next.digest);
  }

  /** Whether this content came after another one under the same key. */
  isVariant(key: string, digest: string): boolean {
    return this.variant.get(Buffer.from(key, 'hex'), Buffer.from(digest, 'hex')) !== undefined;
  }

  /** Whether this content was seen under this key. */
  holds(key: string, digest: string): boolean {
    const [keyBytes, digestBytes] = [Buffer.from(key, 'hex'), Buffer.from(digest, 'hex')];
    const first = this.find.get(keyBytes);
    if (first === undefined) return false;
    return first.digest.equals(digestBytes) || this.variant.get(keyBytes, digestBytes) !== undefined;
  }

  has(key: string): boolean {
    return this.find.get(Buffer.from(key, 'hex')) !== undefined;
  }

  /** The last event that this index rests on: in another ledger, or one that was set back, it is not there. */
  get landmark(): { position: bigint; event: string } | undefined {
    return this.mark;
  }

  /** An event of the ledger that was acknowledged, or read; the one with the highest position counts. */
  note(position: bigint, event: string): void {
    if (this.mark === undefined || position > this.mark.position) this.mark = { position, event };
  }

  /** A batch stands in a savepoint of its own within one long transaction. */
  private begin(): void {
    if (!this.db.inTransaction) this.db.exec('BEGIN IMMEDIATE');
    if (this.inBatch) return;
    this.openBatch.run();
    this.inBatch = true;
  }

  /**
   * Keeps what was seen since the last commit, up to a position; call it after the ledger's answer. It reaches the
   * file with later batches together: keys are random, and a page that is written once for many of them costs less.
   */
  commit(position: bigint): void {
    if (this.inBatch) this.releaseBatch.run();
    this.inBatch = false;
    this.cursorAt = position;
    if (++this.unsaved >= BATCHES_A_SAVE) this.save();
  }

  /** Writes what was kept to the file. Without it nothing is lost: the ledger is read again from the cursor on. */
  save(): void {
    if (!this.db.inTransaction) return;
    this.rollback();
    this.moveCursor.run(this.cursorAt);
    if (this.mark !== undefined) this.setMark.run(this.mark.position, this.mark.event);
    this.db.exec('COMMIT');
    this.unsaved = 0;
  }

  /** Forgets everything; the next catch-up fills it again. */
  reset(): void {
    this.save();
    this.db.exec('DELETE FROM seen; DELETE FROM variants; DELETE FROM landmark; UPDATE cursor SET position = 0');
    this.cursorAt = 0n;
    this.mark = undefined;
  }

  /** Forgets what was seen since the last commit: the ledger refused it. */
  rollback(): void {
    if (!this.inBatch) return;
    this.undoBatch.run();
    this.releaseBatch.run();
    this.inBatch = false;
  }

  close(): void {
    this.save();
    this.db.close();
  }
}
