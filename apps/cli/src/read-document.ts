import { readFileSync } from 'node:fs';
import { storing, systemCodeOf, TallyError } from '#platform';
import { BadInput } from '../../api/src/tally/errors.js';

/** A file named on the command line that cannot be read. */
export class UnreadableFile extends TallyError {
  readonly code = 'TALLY_UNREADABLE_FILE';
  constructor(path: string, why: string, cause?: unknown) {
    super(`${path} ${why}.`, { facts: { path }, remedy: 'Check the name and its permissions.', cause });
  }
}

export function unreadable(path: string, error: unknown): unknown {
  const code = systemCodeOf(error);
  if (code === 'ENOENT' || code === 'ENOTDIR') return new UnreadableFile(path, 'does not exist', error);
  if (code === 'EACCES' || code === 'EPERM') return new UnreadableFile(path, 'may not be read by this user', error);
  if (code === 'EISDIR') return new UnreadableFile(path, 'is a directory', error);
  return error;
}

/** A JSON document in a file. */
export function readDocument(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    return storing(path, () => {
      throw unreadable(path, error);
    });
  }
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'cannot be parsed';
    throw new BadInput(path, `is not JSON (${reason})`, 'Mend the file; nothing was recorded.');
  }
}
