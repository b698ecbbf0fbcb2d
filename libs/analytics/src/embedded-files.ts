import { readdirSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DiskFull, storing } from '#platform';
import { AnalyticsDamaged } from './errors.js';

/** What must be free before a batch is written: the batch, the merges that follow from it, and what others write. */
const ROOM = 64 * 2 ** 20;

/** Files of a part that its checksums do not count. */
const UNCOUNTED: ReadonlySet<string> = new Set([
  'checksums.txt',
  'columns.txt',
  'columns_substreams.txt',
  'default_compression_codec.txt',
  'metadata_version.txt',
]);

/** A part as `system.parts` tells it. */
export interface Part {
  table: string;
  name: string;
  /** Of several inserts: a merge made it. */
  merged: number;
  path: string;
  bytes_on_disk: number;
}

/**
 * The files of the embedded engine. It asks for room before it writes, and refuses then; but a write that fails for
 * lack of room (somebody else was faster, a quota, a limit of the process) goes unnoticed: chdb 3.4 answers as if it
 * had been written, and throws the part away when it starts again. So what a part should weigh is held against its files.
 */
export class EmbeddedFiles {
  private known: ReadonlySet<string> = new Set();

  constructor(private readonly directory: string) {}

  /** @throws DiskFull if there is not enough room for another batch. */
  refuseFull(): void {
    const { bavail, bsize } = storing(this.directory, () => statfsSync(this.directory));
    if (bavail * bsize < ROOM) throw new DiskFull(this.directory);
  }

  /**
   * The parts that are new since the last call and not whole on the disk.
   * @param parts all active parts.
   */
  short(parts: readonly Part[]): Part[] {
    const before = this.known;
    const out = parts.filter((part) => !before.has(part.path) && !isWhole(part));
    this.known = new Set(parts.map(({ path }) => path));
    return out;
  }

  /** What to say of parts that are not whole: an insert is repeated, a merge took rows with it. */
  errorOf(short: readonly Part[]): Error {
    const merged = short.find((part) => part.merged === 1);
    if (merged === undefined) return new DiskFull(this.directory);
    return new AnalyticsDamaged(this.directory, `part ${merged.name} of ${merged.table} is not whole`);
  }
}

/** A part that was merged away meanwhile says nothing. */
function isWhole({ path, bytes_on_disk: expected }: Part): boolean {
  let counted = 0;
  try {
    for (const file of readdirSync(path, { withFileTypes: true })) {
      if (!file.isFile()) continue;
      const { size } = statSync(join(path, file.name));
      if (!UNCOUNTED.has(file.name)) counted += size;
      else if (size === 0) return false;
    }
  } catch {
    return true;
  }
  return counted >= expected;
}
