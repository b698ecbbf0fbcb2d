import { createHash } from 'node:crypto';
import { readIfThere, TallyError, writeDurably } from '#platform';
import { makeBearer } from './bearer.js';

export class BadBearerFile extends TallyError {
  readonly code = 'TALLY_BAD_BEARER_FILE';
  constructor(file: string, why: string) {
    super(`${file} is no file of bearers: it ${why}.`, {
      facts: { file },
      remedy:
        'Write one bearer a line, the new one first and at most one old one under it; `tally bearer rotate FILE` does that. ' +
        'A file that is not there yet is made.',
    });
  }
}

/** As long as what `makeBearer` gives, less its prefix; the alphabet is the one of RFC 6750. */
const BEARER = /^[A-Za-z0-9._~+/-]{32,512}=*$/;

/** Bearers in a file, so that they outlive the process: the first is the one to use, a second is one on its way out. */
export class BearerFile {
  private constructor(
    private readonly file: string,
    private current: readonly string[],
  ) {}

  /** Makes the file, readable by its owner alone, if there is none. @throws BadBearerFile */
  static open(file: string): BearerFile {
    if (readIfThere(file) === undefined) writeDurably(file, `${makeBearer()}\n`);
    return new BearerFile(file, read(file));
  }

  /** All that count, the newest first. */
  bearers(): readonly string[] {
    return this.current;
  }

  /** Reads the file again; true if it changed. @throws BadBearerFile, and then what was read before counts on */
  reload(): boolean {
    const next = read(this.file);
    if (next.join('\n') === this.current.join('\n')) return false;
    this.current = next;
    return true;
  }

  /** Puts a new bearer first; the one before it counts on until the next rotation, an older one no more. */
  rotate(): { added: string; ending: string } {
    const [ending = ''] = read(this.file);
    const added = makeBearer();
    writeDurably(this.file, `${added}\n${ending}\n`);
    this.current = [added, ending];
    return { added: markOf(added), ending: markOf(ending) };
  }
}

/** Tells bearers apart in outputs, and nothing about them. */
function markOf(bearer: string): string {
  return createHash('sha256').update(bearer).digest('hex').slice(0, 8);
}

function read(file: string): string[] {
  const lines = (readIfThere(file) ?? '').split('\n').map((line) => line.trim());
  const bearers = lines.filter((line) => line !== '');
  if (bearers.length === 0) throw new BadBearerFile(file, 'holds none');
  if (bearers.length > 2) throw new BadBearerFile(file, `holds ${bearers.length}, and two may overlap`);
  if (!bearers.every((bearer) => BEARER.test(bearer)))
    throw new BadBearerFile(file, 'holds one that is shorter than 32 characters or has others than a bearer may have');
  return bearers;
}
