import { randomUUID } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';
import { type Clock, systemClock } from './clock.js';
import { DirectoryLocked, NoDataDirectory, NotADataDirectory, type LockHolder } from './directory-errors.js';
import { type Access, DirectoryLock } from './directory-lock.js';
import { readJsonIfThere, writeDurably } from './durable-file.js';
import { isLayoutName, layoutPath, type LayoutEntry } from './layout.js';
import { CorruptFile, NewerFormat, storing, systemCodeOf } from './storage-errors.js';

export const DIRECTORY_FORMAT = 1;

const metaSchema = z.looseObject({
  format: z.number().int().positive(),
  /** Names this ledger for ever, also in its backups. */
  ledgerId: z.uuid(),
  createdAt: z.iso.datetime(),
  /** Tenant → version → fingerprint of its naming secrets (`#security`). */
  secrets: z.record(z.string(), z.record(z.string(), z.string())).optional(),
  /** Set once `keys.sqlite` exists; from then on a missing one is an error. */
  subjectKeys: z.boolean().optional(),
  /** Naming secrets and subject keys lie in a shared directory: its id. */
  keys: z.uuid().optional(),
  /** Set once `ledger.sqlite` exists; from then on a missing or empty one is an error. */
  ledger: z.boolean().optional(),
});
export type DirectoryMeta = z.infer<typeof metaSchema>;

export interface OpenDirectory {
  access: Access;
  /** What the process does, for the message to those who must wait: `tally ingest`. */
  purpose: string;
  /** How long to wait for others, in ms. */
  waitMs?: number;
  clock?: Clock;
}

/** An open, locked data directory: one writer, or any number of readers. Made on first use by a writer. */
export class DataDirectory {
  private constructor(
    readonly path: string,
    readonly access: Access,
    private readonly lock: DirectoryLock,
    private current: DirectoryMeta,
  ) {}

  /**
   * Opens DIR and waits up to `waitMs` (5,000) for others to leave it.
   * @throws NoDataDirectory, NotADataDirectory, NewerFormat, DirectoryLocked, CorruptFile, NotWritable, DiskFull;
   * nothing is changed in any of these cases.
   */
  static async open(directory: string, options: OpenDirectory): Promise<DataDirectory> {
    const path = resolve(directory);
    const { access, waitMs = 5000, clock = systemClock } = options;
    const seen = readMeta(path);
    if (!seen) {
      refuseForeign(path);
      if (access === 'read') throw new NoDataDirectory(path);
      storing(path, () => mkdirSync(path, { recursive: true, mode: 0o700 }));
    }
    const lock = await DirectoryLock.take(layoutPath(path, 'lock'), access, waitMs);
    if (!lock) throw new DirectoryLocked(path, readHolder(path), waitMs);
    try {
      // Read again under the lock: another process may have made the directory meanwhile.
      const meta = readMeta(path) ?? createMeta(path, clock);
      if (access === 'write') {
        const holder: LockHolder = { pid: process.pid, purpose: options.purpose };
        writeDurably(layoutPath(path, 'holder'), JSON.stringify(holder));
      }
      return new DataDirectory(path, access, lock, meta);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  get meta(): Readonly<DirectoryMeta> {
    return this.current;
  }

  file(entry: LayoutEntry): string {
    return layoutPath(this.path, entry);
  }

  /** Changes meta.json, durably and all at once. Writers only. */
  updateMeta(change: Partial<Pick<DirectoryMeta, 'secrets' | 'subjectKeys' | 'keys' | 'ledger'>>): void {
    if (this.access !== 'write') throw new TypeError('a reader cannot change meta.json');
    const next = { ...this.current, ...change };
    writeDurably(this.file('meta'), `${JSON.stringify(next, null, 2)}\n`);
    this.current = next;
  }

  /** Gives the directory back. Close the stores in it first. */
  close(): void {
    if (this.access === 'write') {
      rmSync(this.file('run'), { force: true });
      rmSync(this.file('holder'), { force: true });
    }
    this.lock.release();
  }
}

/** The meta.json of a directory; undefined if there is none. NewerFormat and CorruptFile are thrown. */
export function readMeta(path: string): DirectoryMeta | undefined {
  const file = layoutPath(path, 'meta');
  const found = readJsonIfThere(file);
  if (!found) return undefined;
  // The format first: a newer one may look different in everything else.
  if (typeof found.format === 'number' && found.format > DIRECTORY_FORMAT) {
    throw new NewerFormat(file, found.format, DIRECTORY_FORMAT);
  }
  const parsed = metaSchema.safeParse(found);
  if (!parsed.success)
    throw new CorruptFile(file, `field ${parsed.error.issues[0]?.path.join('.') ?? ''} is not valid`);
  return parsed.data;
}

/** Who holds the directory for writing, if that process still lives. */
export function readHolder(path: string): LockHolder | undefined {
  const found = readJsonIfThere(layoutPath(path, 'holder'));
  if (typeof found?.pid !== 'number' || typeof found.purpose !== 'string') return undefined;
  return isAlive(found.pid) ? { pid: found.pid, purpose: found.purpose } : undefined;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives and belongs to another user.
    return systemCodeOf(error) === 'EPERM';
  }
}

/** Refuses a directory that has other files, or a ledger whose meta.json is gone. */
function refuseForeign(path: string): void {
  if (!existsSync(path)) return;
  const entries = storing(path, () => readdirSync(path));
  const foreign = entries.find((name) => !isLayoutName(name));
  if (foreign !== undefined) throw new NotADataDirectory(path, `it has other files in it, such as ${foreign}`);
  if (existsSync(layoutPath(path, 'ledger'))) throw new NotADataDirectory(path, 'its meta.json is missing');
}

function createMeta(path: string, clock: Clock): DirectoryMeta {
  storing(path, () => chmodSync(path, 0o700));
  const createdAt = new Date(clock()).toISOString();
  const meta: DirectoryMeta = { format: DIRECTORY_FORMAT, ledgerId: randomUUID(), createdAt };
  writeDurably(layoutPath(path, 'meta'), `${JSON.stringify(meta, null, 2)}\n`);
  return meta;
}
