import type { Writable } from 'node:stream';
import { shownJson, shownText } from './escape.js';
import { toldError } from '../../../api/src/told-error.js';

/** Talk to the person at the terminal, on standard error; data never goes here. */
export class Talk {
  private readonly styled: boolean;

  constructor(
    readonly stream: Writable & { isTTY?: boolean },
    env: Readonly<Record<string, string | undefined>> = process.env,
  ) {
    this.styled = stream.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
    // Whoever closed standard error does not want to hear; that is no reason to stop.
    stream.on('error', () => undefined);
  }

  get isTerminal(): boolean {
    return this.stream.isTTY === true;
  }

  say(line = ''): void {
    this.stream.write(`${shownText(line)}\n`);
  }

  /** Text of our own, as it is. */
  write(text: string): void {
    this.stream.write(text);
  }

  /** A line in bold, where there is bold. */
  head(line: string): void {
    this.stream.write(this.styled ? `\u001b[1m${shownText(line)}\u001b[22m\n` : `${shownText(line)}\n`);
  }

  error(error: unknown, asJson: boolean): void {
    const { code, message, remedy, field, reason } = toldError(error);
    if (asJson) {
      this.stream.write(`${shownJson({ error: { code, message, remedy, field, reason } })}\n`);
      return;
    }
    const mark = this.styled ? '\u001b[31merror:\u001b[39m' : 'error:';
    this.stream.write(`${mark} ${shownText(message)}\n`);
    if (remedy !== undefined) this.say(`  try: ${remedy}`);
  }
}
