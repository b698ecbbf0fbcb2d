import { createContext, Script, type Context } from 'node:vm';
import { RecentMap } from '#platform';
import { invalidArgument } from './refusals.js';

/** In ms, for one page of texts: far more than an honest pattern needs. */
const TIME_LIMIT = 250;
const LONGEST = 8192;
const REMEMBERED = 4096;

const TEST_ALL = new Script('texts.map((text) => pattern.test(text))');

/**
 * A client's regular expression. JavaScript's engine backtracks, so a few letters can keep it busy for years: it runs
 * where it can be stopped, and answers are remembered, for most texts come again.
 */
export class GuardedPattern {
  readonly #pattern: RegExp;
  #context: Context | undefined;
  readonly #known = new RecentMap<string, boolean>(REMEMBERED);

  /** @throws CallRefused for what is no regular expression */
  constructor(private readonly source: string) {
    if (source.length > LONGEST) throw invalidArgument('The regular expression of a filter is too long.');
    try {
      // Other languages write options first; there is no such place in JavaScript.
      const [whole, flags = ''] = /^\(\?([ims]+)\)/.exec(source) ?? [''];
      this.#pattern = new RegExp(source.slice(whole.length), flags);
    } catch {
      throw invalidArgument(`The filter is no regular expression: ${source}`);
    }
  }

  /** One answer for each text. @throws CallRefused if it takes too long */
  test(texts: readonly string[]): boolean[] {
    const unknown = texts.filter((text) => this.#known.get(text) === undefined);
    const answers = new Map(this.#ask(unknown).map((answer, index) => [unknown[index], answer]));
    for (const [text, answer] of answers) if (text !== undefined) this.#known.set(text, answer);
    return texts.map((text) => answers.get(text) ?? this.#known.get(text) ?? false);
  }

  #ask(texts: readonly string[]): boolean[] {
    if (texts.length === 0) return [];
    this.#context ??= createContext(Object.create(null));
    Object.assign(this.#context, { texts, pattern: this.#pattern });
    try {
      const answers: unknown = TEST_ALL.runInContext(this.#context, { timeout: TIME_LIMIT });
      return Array.isArray(answers) ? answers.map((answer) => answer === true) : [];
    } catch {
      throw invalidArgument(`The filter takes too long: ${this.source}`);
    }
  }
}
