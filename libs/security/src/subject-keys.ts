import type Database from 'better-sqlite3';
import { randomBytes } from 'node:crypto';
import { chmodSync, closeSync, existsSync, openSync } from 'node:fs';
import { isName, type Name } from '#lifecycle';
import { openSqlite, RecentMap, type SqliteKind, storing } from '#platform';
import { ErasureUnfinished, WrongSecrets } from './errors.js';
import { exclusively, type KeysHome } from './keys-home.js';
import type { BoxKey } from './personal-box.js';

/**
 * Rows are only ever added at the end and overwritten in place, never deleted: SQLite then moves no row from page to
 * page, so no stale copy of a key stays behind in a page's free space, where `secure_delete` would not reach it. A
 * destroyed key is zeros, and its row is what remembers the erasure.
 */
const KEYS_FILE: SqliteKind = {
  applicationId: 0x54616c6b,
  version: 1,
  tables: `
    CREATE TABLE about (ledger TEXT NOT NULL);
    CREATE TABLE keys (
      n INTEGER PRIMARY KEY,
      id BLOB NOT NULL UNIQUE,
      owner TEXT NOT NULL UNIQUE,
      day INTEGER,
      key BLOB NOT NULL
    );
    CREATE INDEX keys_by_day ON keys (day) WHERE day IS NOT NULL;
    CREATE TABLE erasures (owner TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;`,
};
const KEY_BYTES = 32;
const DESTROYED = Buffer.alloc(KEY_BYTES);
/** About 30 MB at most; others cost one look-up. */
const KEYS_IN_MEMORY = 50_000;
const MS_A_DAY = 86_400_000;

/** What of a home the keys need; a worker thread has these without the directory's lock. */
export type KeysPlace = Pick<KeysHome, 'file' | 'access' | 'updateMeta' | 'exclusively'> & {
  meta: Pick<KeysHome['meta'], 'ledgerId' | 'subjectKeys'>;
};

/** Whose box it is: the subject's that a record shows, else that of its source on that day. */
export interface BoxOwner {
  tenant: string;
  subject?: Name;
  /** What the subject was called under naming secrets that were rotated out: erased then, it stays erased. */
  former?: readonly Name[];
  source: string;
  /** Days since 1970-01-01 UTC, of the record's time: see `dayOf`. */
  day: number;
}

export function dayOf(at: number): number {
  return Math.floor(at / MS_A_DAY);
}

interface KeyRow {
  id: Buffer;
  key: Buffer;
}

/**
 * The keys of personal boxes, outside the ledger (MODEL §2.6). The order that keeps every box readable:
 * `keyFor` and `sealBox` for a batch of records, then `flush`, then the append to the ledger.
 */
export class SubjectKeys {
  readonly #recent = new RecentMap<string, BoxKey | 'destroyed'>(KEYS_IN_MEMORY);
  /** Made and not yet durable. */
  readonly #pending = new Map<string, { key: BoxKey; day: number | null }>();
  readonly #byOwner: Database.Statement<[string], KeyRow>;
  readonly #byId: Database.Statement<[Buffer], KeyRow>;
  readonly #insert: Database.Statement<[Buffer, string, number | null, Buffer]>;
  readonly #erasure: Database.Statement<[string], number>;
  readonly #remember: Database.Statement<[string, number]>;
  readonly #version: Database.Statement<[], number>;
  readonly #destroyed: Database.Statement<[], number>;
  #seen = { version: -1, destroyed: -1 };

  private constructor(
    private readonly file: string,
    private readonly database: Database.Database,
  ) {
    this.#byOwner = database.prepare('SELECT id, key FROM keys WHERE owner = ?');
    this.#byId = database.prepare('SELECT id, key FROM keys WHERE id = ?');
    this.#insert = database.prepare('INSERT INTO keys (id, owner, day, key) VALUES (?, ?, ?, ?)');
    this.#erasure = database.prepare<[string], number>('SELECT at FROM erasures WHERE owner = ?').pluck();
    this.#remember = database.prepare('INSERT INTO erasures VALUES (?, ?) ON CONFLICT DO NOTHING');
    this.#version = database.prepare<[], number>('PRAGMA data_version').pluck();
    this.#destroyed = database.prepare<[], number>('SELECT count(*) FROM erasures').pluck();
  }

  /** @throws WrongSecrets if this ledger's key file is missing or another ledger's; the errors of `openSqlite`. */
  static open(home: KeysPlace): SubjectKeys {
    return exclusively(home, () => SubjectKeys.#open(home));
  }

  static #open(directory: KeysPlace): SubjectKeys {
    const file = directory.file('keys');
    const { ledgerId, subjectKeys } = directory.meta;
    if (!existsSync(file)) {
      if (subjectKeys) throw new WrongSecrets(file, 'missing', 'keys of personal fields');
      // Made empty first, so that it and SQLite's side files are the owner's alone from the first byte.
      // Another process that shares the home may make it at the same moment.
      if (directory.access === 'write') storing(file, () => closeSync(openSync(file, 'a', 0o600)));
    }
    if (subjectKeys) SubjectKeys.check(directory);
    const database = openSqlite(file, KEYS_FILE, { access: directory.access });
    try {
      if (directory.access === 'write') {
        chmodSync(file, 0o600);
        database.pragma('secure_delete = ON');
        database.prepare('INSERT INTO about SELECT ? WHERE NOT EXISTS (SELECT * FROM about)').run(ledgerId);
      }
      const ledger = database.prepare<[], string>('SELECT ledger FROM about').pluck().get();
      if (ledger !== ledgerId) throw new WrongSecrets(file, 'replaced', 'keys of personal fields');
      if (directory.access === 'write' && !subjectKeys) directory.updateMeta({ subjectKeys: true });
      return storing(file, () => new SubjectKeys(file, database));
    } catch (error) {
      database.close();
      throw error;
    }
  }

  /**
   * The key of an owner, made if there is none; durable only after `flush`. Undefined if it was destroyed (the
   * subject is erased, or the day is past its retention): then drop the personal fields. Where others use the file too,
   * `ensure` comes first: it is what notices their erasures.
   */
  keyFor(owner: BoxOwner): BoxKey | undefined {
    const name = ownerName(owner);
    const known = this.#recent.get(name) ?? this.#pending.get(name)?.key;
    if (known) return known === 'destroyed' ? undefined : known;
    const stored = this.#find(name);
    if (stored) return stored === 'destroyed' ? undefined : stored;
    if (this.#formerErasure(owner) !== undefined) return undefined;
    const key = { keyId: randomBytes(16).toString('hex'), key: randomBytes(KEY_BYTES) };
    this.#pending.set(name, { key, day: owner.subject === undefined ? owner.day : null });
    return key;
  }

  /**
   * Looks, without writing, whether the key file of a directory that had one is there and this ledger's: an emptied
   * one would forget erasures.
   * @throws WrongSecrets, CorruptFile, NewerFormat
   */
  static check(directory: KeysPlace): void {
    const file = directory.file('keys');
    if (!existsSync(file)) throw new WrongSecrets(file, 'missing', 'keys of personal fields');
    const database = openSqlite(file, KEYS_FILE, { access: 'read', mustExist: true });
    try {
      const ledger = storing(file, () => database.prepare<[], string>('SELECT ledger FROM about').pluck().get());
      if (ledger !== directory.meta.ledgerId) throw new WrongSecrets(file, 'replaced', 'keys of personal fields');
    } finally {
      database.close();
    }
  }

  /**
   * Makes the keys of these owners, durable at once, so that two threads that need the same one agree on it; owners
   * that were erased get none.
   */
  ensure(owners: readonly BoxOwner[]): void {
    this.#forgetWhatOthersDestroyed();
    const missing = new Map<string, BoxOwner>();
    for (const owner of owners) {
      const name = ownerName(owner);
      if (this.#recent.get(name) === undefined) missing.set(name, owner);
    }
    const unknown = [...missing].filter(([name]) => this.#find(name) === undefined);
    if (unknown.length === 0) return;
    const made = new Map<string, BoxKey | 'destroyed'>();
    this.#transaction(() => {
      for (const [name, owner] of unknown) {
        if (this.#byOwner.get(name) !== undefined) continue;
        const key = { keyId: randomBytes(16).toString('hex'), key: randomBytes(KEY_BYTES) };
        const erasedAt = this.#formerErasure(owner);
        if (erasedAt !== undefined) this.#remember.run(name, erasedAt);
        const day = owner.subject === undefined ? owner.day : null;
        this.#insert.run(Buffer.from(key.keyId, 'hex'), name, day, erasedAt === undefined ? key.key : DESTROYED);
        made.set(name, erasedAt === undefined ? key : 'destroyed');
      }
    });
    for (const [name, key] of made) this.#recent.set(name, key);
  }

  /** When this owner was erased under a name of rotated secrets. */
  #formerErasure({ tenant, former = [] }: BoxOwner): number | undefined {
    for (const subject of former) {
      const at = this.#erasure.get(ownerName({ tenant, subject, source: '', day: 0 }));
      if (at !== undefined) return at;
    }
    return undefined;
  }

  /**
   * Another thread or process may have destroyed what is remembered here. The first number changes when another
   * connection writes, the second when something is destroyed; most only add keys.
   */
  #forgetWhatOthersDestroyed(): void {
    storing(this.file, () => {
      const version = this.#version.get() ?? 0;
      if (version === this.#seen.version) return;
      const destroyed = this.#destroyed.get() ?? 0;
      if (destroyed !== this.#seen.destroyed) this.#recent.clear();
      this.#seen = { version, destroyed };
    });
  }

  /** The key of an owner from the cache or the file; it is remembered. */
  #find(name: string): BoxKey | 'destroyed' | undefined {
    const row = storing(this.file, () => this.#byOwner.get(name));
    if (row === undefined) return undefined;
    const key = row.key.equals(DESTROYED) ? 'destroyed' : { keyId: row.id.toString('hex'), key: row.key };
    this.#recent.set(name, key);
    return key;
  }

  /** Makes new keys durable, in one transaction; on an error they stay pending. */
  flush(): void {
    if (this.#pending.size === 0) return;
    this.#transaction(() => {
      for (const [name, { key, day }] of this.#pending) {
        this.#insert.run(Buffer.from(key.keyId, 'hex'), name, day, key.key);
      }
    });
    for (const [name, { key }] of this.#pending) this.#recent.set(name, key);
    this.#pending.clear();
  }

  /** The key of a box, for `openBox`; undefined if it is destroyed or unknown. */
  keyOf(keyId: string): Buffer | undefined {
    const row = storing(this.file, () => this.#byId.get(Buffer.from(keyId, 'hex')));
    return row && !row.key.equals(DESTROYED) ? row.key : undefined;
  }

  /**
   * Erases a subject for ever: its key is destroyed, no bytes of it are left in any file, and later boxes are dropped.
   * Boxes of records that showed no subject are under day keys and go with `destroyDayKeysBefore`.
   * @param at when, in ms
   * @throws ErasureUnfinished: remembered, but repeat it
   */
  erase(tenant: string, subject: Name, at: number): void {
    const name = ownerName({ tenant, subject, source: '', day: 0 });
    this.flush();
    this.#transaction(() => {
      const { changes } = this.database.prepare('UPDATE keys SET key = ? WHERE owner = ?').run(DESTROYED, name);
      // Never seen so far: a row of zeros stands for the subject all the same.
      if (changes === 0) this.#insert.run(randomBytes(16), name, null, DESTROYED);
      this.#remember.run(name, at);
    });
    this.#recent.set(name, 'destroyed');
    this.#emptyLog();
  }

  /** When a subject was erased, in ms; undefined if it was not. */
  erasedAt(tenant: string, subject: Name): number | undefined {
    const name = ownerName({ tenant, subject, source: '', day: 0 });
    return storing(this.file, () => this.#erasure.get(name));
  }

  /** Names of the subjects of a tenant that were erased. */
  erasedSubjects(tenant: string): Name[] {
    const owners = storing(this.file, () =>
      this.database.prepare<[], string>('SELECT owner FROM erasures').pluck().all(),
    );
    const suffix = `:${tenant}`;
    return owners
      .filter((owner) => owner.slice(32) === suffix)
      .map((owner) => owner.slice(0, 32))
      .filter(isName);
  }

  /** Retention: destroys a tenant's keys of all days before this one; gives their number. */
  destroyDayKeysBefore(tenant: string, day: number): number {
    this.flush();
    const ofTenant = `:${tenant.length}:${tenant}:`;
    const destroyed = this.#transaction(() => {
      const { changes } = this.database
        .prepare('UPDATE keys SET key = ? WHERE day < ? AND key <> ? AND instr(owner, ?) > 0')
        .run(DESTROYED, day, DESTROYED, ofTenant);
      // Each destruction is a row, by which others notice it.
      if (changes > 0) this.#remember.run(`days before ${day} ${randomBytes(8).toString('hex')}`, day * MS_A_DAY);
      return changes;
    });
    if (destroyed === 0) return 0;
    this.#recent.clear();
    this.#emptyLog();
    return destroyed;
  }

  /** A consistent copy. It keeps keys that are erased later: destroy such copies with the same retention. */
  async backupTo(path: string): Promise<void> {
    this.flush();
    await this.database.backup(path);
    chmodSync(path, 0o600);
  }

  /** Closes the file; keys that were not flushed are lost, and so no box under them may have been appended. */
  close(): void {
    this.database.close();
  }

  #transaction<T>(write: () => T): T {
    return storing(this.file, () => this.database.transaction(write).immediate());
  }

  /** Moves the log into the file and cuts it to nothing: it still holds pages with keys from before. */
  #emptyLog(): void {
    const busy = storing(this.file, () => this.database.pragma('wal_checkpoint(TRUNCATE)', { simple: true }));
    if (busy !== 0) throw new ErasureUnfinished(this.file);
  }
}

/** One text an owner; a subject's name has a fixed length and no colon, so no two owners share one. */
function ownerName({ tenant, subject, source, day }: BoxOwner): string {
  return subject === undefined ? `${day}:${tenant.length}:${tenant}:${source}` : `${subject}:${tenant}`;
}
