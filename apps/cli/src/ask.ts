import type { Command } from 'commander';
import { QUESTIONS, type Params, type QuestionName } from '../../api/src/tally/questions.js';
import { exitCodeOfVerdict } from './exit-codes.js';
import { cell } from './output/cells.js';
import { printRows, type Columns, type Format } from './output/rows.js';
import { objectOf, printValue } from './output/value.js';
import { accessFor, withTally } from './session.js';
import { commonOf, type Shell } from './shell.js';

export interface View {
  /** How rows are printed. */
  columns?: Columns;
  /** How a value reads as a table. */
  lines?: (value: Record<string, unknown>) => string[];
  /** In place of `table`, if no format was asked for. */
  format?: Format;
  /** What is said on standard error after the rows. */
  after?: (end: Record<string, unknown>, shell: Shell) => void;
  /** Does something else with the value before it is printed. */
  keep?: (value: unknown) => void;
}

/** Asks one question and prints its answer: what most commands are. Flags that were not given are left out. */
export async function ask<Q extends QuestionName>(
  command: Command,
  shell: Shell,
  question: Q,
  params: Params<Q>,
  view: View = {},
): Promise<void> {
  const { tenant, format } = commonOf(command, shell, view.format);
  await withTally(command, shell, accessFor(question), async (tally) => {
    const answer = await tally.ask(
      question,
      'tenant' in QUESTIONS[question].params.shape ? { tenant, ...params } : params,
    );
    if (answer.kind === 'rows') {
      const end = await printRows(answer, format, shell.out, view.columns);
      view.after?.(end, shell);
      return;
    }
    view.keep?.(answer.value);
    await printValue(answer.value, format, shell.out, view.lines);
    if (accessFor(question) === 'write') sayNotes(answer.value, shell);
    shell.exitCode = exitCodeOfVerdict(answer.verdict);
  });
}

/** What was done though it may not be what was meant; the notes of other answers are part of what they print. */
function sayNotes(value: unknown, { talk }: Shell): void {
  const { notes } = objectOf(value);
  if (Array.isArray(notes)) for (const note of notes) talk.say(`note: ${cell(note)}`);
}
