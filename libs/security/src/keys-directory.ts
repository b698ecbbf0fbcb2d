import Database from 'better-sqlite3';
import { randomUUID } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import {
  type Access,
  CorruptFile,
  type DirectoryMeta,
  layoutPath,
  NewerFormat,
  NotADataDirectory,
  NoDataDirectory,
  readJsonIfThere,
  storing,
  writeDurably,
} from '#platform';
import type { KeysHome } from './keys-home.js';

const FORMAT = 1;
const META = 'keys.json';
const LOCK = 'keys-lock.sqlite';
/** How long one process waits while another decides and writes, in ms. */
const WAIT_MS = 10_000;

const metaSchema = z.looseObject({
  format: z.number().int().positive(),
  /** Names this directory for ever; data directories remember it. */
  keysId: z.uuid(),
  secrets: z.record(z.string(), z.record(z.string(), z.string())).optional(),
  subjectKeys: z.boolean().optional(),
});
type KeysMeta = z.infer<typeof metaSchema>;

/**
 * Naming secrets and subject keys for several processes of one host, each with a data directory of its own: replicas of
 * the projector over one ledger. What is decided and written is done under a lock that the system releases when its
 * holder dies. One host, for SQLite's write-ahead log needs memory that its processes share.
 */
export class KeysDirectory implements KeysHome {
  private constructor(
    readonly path: string,
    readonly access: Access,
    private readonly lock: Database.Database | undefined,
  ) {}

  /** Made on first use by a writer. @throws NoDataDirectory, NotADataDirectory, NewerFormat, CorruptFile, NotWritable */
  static open(directory: string, access: Access): KeysDirectory {
    const path = resolve(directory);
    if (!existsSync(join(path, META))) {
      if (access === 'read') throw new NoDataDirectory(path);
      refuseForeign(path);
      storing(path, () => mkdirSync(path, { recursive: true, mode: 0o700 }));
    }
    const lock = access === 'write' ? openLock(join(path, LOCK)) : undefined;
    const opened = new KeysDirectory(path, access, lock);
    try {
      opened.exclusively(() => {
        if (readMeta(path) !== undefined) return;
        storing(path, () => chmodSync(path, 0o700));
        writeMeta(path, { format: FORMAT, keysId: randomUUID() });
      });
      // Damage is told before anything is used.
      void opened.meta;
      return opened;
    } catch (error) {
      opened.close();
      throw error;
    }
  }

  /** As it is now: other processes change it too. */
  get meta(): KeysHome['meta'] {
    const found = readMeta(this.path);
    if (found === undefined) throw new CorruptFile(join(this.path, META), 'it is missing, and it was there before');
    const { keysId, secrets, subjectKeys } = found;
    return { ledgerId: keysId, ...(secrets && { secrets }), ...(subjectKeys !== undefined && { subjectKeys }) };
  }

  file(entry: 'secrets' | 'keys'): string {
    return layoutPath(this.path, entry);
  }

  updateMeta(change: Partial<Pick<DirectoryMeta, 'secrets' | 'subjectKeys'>>): void {
    this.exclusively(() => {
      const found = readMeta(this.path);
      if (found !== undefined) writeMeta(this.path, { ...found, ...change });
    });
  }

  /** A reader changes nothing and waits for nobody: each file is replaced whole. */
  exclusively<T>(work: () => T): T {
    const { lock } = this;
    if (lock === undefined || lock.inTransaction) return work();
    storing(lock.name, () => lock.exec('BEGIN IMMEDIATE'));
    try {
      return work();
    } finally {
      lock.exec('ROLLBACK');
    }
  }

  close(): void {
    this.lock?.close();
  }
}

function openLock(file: string): Database.Database {
  return storing(file, () => {
    const lock = new Database(file, { timeout: WAIT_MS });
    chmodSync(file, 0o600);
    return lock;
  });
}

function readMeta(path: string): KeysMeta | undefined {
  const file = join(path, META);
  const found = readJsonIfThere(file);
  if (found === undefined) return undefined;
  if (typeof found['format'] === 'number' && found['format'] > FORMAT)
    throw new NewerFormat(file, found['format'], FORMAT);
  const parsed = metaSchema.safeParse(found);
  if (!parsed.success) throw new CorruptFile(file, 'it is not what a directory of keys has');
  return parsed.data;
}

function writeMeta(path: string, meta: KeysMeta): void {
  writeDurably(join(path, META), `${JSON.stringify(meta, null, 2)}\n`);
}

/** Nothing is put among files of something else, nor into a data directory, which has keys of its own. */
function refuseForeign(path: string): void {
  if (!existsSync(path)) return;
  const entries = storing(path, () => readdirSync(path));
  const foreign = entries.find((name) => !name.startsWith(LOCK) && !name.startsWith(META));
  if (foreign !== undefined) throw new NotADataDirectory(path, `it has other files in it, such as ${foreign}`);
}
