import { createHash } from 'node:crypto';
import type { TokenView } from './view.js';

const DIGEST_FLAGS: ReadonlySet<string> = new Set(['conflict', 'overflow', 'unitSuspect']);

/** One line of the state digest (MODEL §5.9), newline-ended. Consumers are no tokens and have no line. */
export function stateLine(view: TokenView): string {
  const flags = view.flags.filter((flag) => DIGEST_FLAGS.has(flag)).join(',');
  const expiry = view.expiry.kind === 'at' ? String(view.expiry.at) : view.expiry.kind;
  return `${view.name}\t${view.status}\t${flags || '-'}\t${view.endedAt ?? '-'}\t${expiry}\t${view.family ?? '-'}\n`;
}

/** SHA-256 over the lines in order of name: what `tally state … -o tsv | sha256sum` gives. */
export class StateDigest {
  private readonly hash = createHash('sha256');
  private last = '';
  count = 0;

  add(view: TokenView): void {
    this.addLine(stateLine(view));
  }

  /** @param line as `stateLine` gives it, its newline included. */
  addLine(line: string): void {
    const name = line.slice(0, line.indexOf('\t'));
    if (name <= this.last) throw new RangeError(`state lines out of order: ${name} after ${this.last}`);
    this.last = name;
    this.count++;
    this.hash.update(line);
  }

  hex(): string {
    return this.hash.digest('hex');
  }
}
