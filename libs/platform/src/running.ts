import { z } from 'zod';
import { type DataDirectory, readHolder } from './data-directory.js';
import { DirectoryLock } from './directory-lock.js';
import { readJsonIfThere, writeDurably } from './durable-file.js';
import { layoutPath } from './layout.js';

const runningSchema = z.object({
  pid: z.number().int().positive(),
  url: z.url(),
  token: z.string().min(1),
  /** Over HTTPS: the certificate that it serves, in PEM. */
  certificate: z.string().optional(),
});

/** A running `tally up`: where it answers, and the bearer that its owner's commands present. */
export type Running = z.infer<typeof runningSchema>;

/** Lets commands of the same user find this process; the file is 0600 and goes when the directory is closed. */
export function announceRunning(directory: DataDirectory, url: string, token: string, certificate?: string): void {
  if (directory.access !== 'write') throw new TypeError('only the writer of a directory can answer for it');
  const running: Running = { pid: process.pid, url, token };
  if (certificate !== undefined) running.certificate = certificate;
  writeDurably(directory.file('run'), JSON.stringify(running));
}

/**
 * The `tally up` that runs on a directory; undefined if none does. A file left by a killed one counts for nothing:
 * it is believed only while a writer holds the lock and is the process that announced itself.
 */
export function findRunning(path: string): Running | undefined {
  const found = readJsonIfThere(layoutPath(path, 'run'));
  const running = runningSchema.safeParse(found);
  if (!running.success || !DirectoryLock.isWriterThere(layoutPath(path, 'lock'))) return undefined;
  return readHolder(path)?.pid === running.data.pid ? running.data : undefined;
}
