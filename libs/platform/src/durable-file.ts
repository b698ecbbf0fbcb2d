import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { CorruptFile, storing, systemCodeOf } from './storage-errors.js';

/** Makes the entries of a directory durable: a created or renamed file survives a power cut only after this. */
export function syncDirectory(path: string): void {
  const handle = openSync(path, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** Writes a whole file so that after a crash at any point either the old or the new text is there, never half. */
export function writeDurably(path: string, text: string, mode = 0o600): void {
  storing(path, () => {
    const draft = `${path}.new`;
    rmSync(draft, { force: true });
    const handle = openSync(draft, 'wx', mode);
    try {
      writeSync(handle, text);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    renameSync(draft, path);
    syncDirectory(dirname(path));
  });
}

/** The text of a file; undefined if there is none. */
export function readIfThere(path: string): string | undefined {
  return storing(path, () => {
    try {
      return readFileSync(path, 'utf8');
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  });
}

/** The JSON object in a file; undefined if there is no file, CorruptFile if it holds anything else. */
export function readJsonIfThere(path: string): Record<string, unknown> | undefined {
  const text = readIfThere(path);
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  } catch {
    // falls through: text that is not JSON and JSON that is no object are the same damage
  }
  throw new CorruptFile(path, 'it is not a JSON object');
}
