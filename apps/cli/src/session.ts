import { DirectoryLocked, findRunning } from '#platform';
import type { QuestionName, Tally } from '../../api/src/tally/questions.js';
import { RemoteTally } from './remote/remote-tally.js';
import { commonOf, purposeOf, type Shell } from './shell.js';
import type { Command } from 'commander';

export type Access = 'read' | 'write';

/** Questions that add to the ledger or take from what lies beside it. */
const CHANGING: ReadonlySet<QuestionName> = new Set<QuestionName>([
  'deployment.declare',
  'deployment.activate',
  'deployment.deactivate',
  'settings.declare',
  'deadletters.redrive',
  'subject.erase',
  'source.distrust',
]);

export function accessFor(question: QuestionName): Access {
  return CHANGING.has(question) ? 'write' : 'read';
}

/** Runs something with whoever answers for the data directory: a running `tally up`, or the directory itself. */
export async function withTally<T>(
  command: Command,
  shell: Shell,
  access: Access,
  use: (tally: Tally) => Promise<T>,
): Promise<T> {
  const { data } = commonOf(command, shell);
  const tally = await openTally(data, { access, purpose: purposeOf(command), threads: shell.threads });
  try {
    return await use(tally);
  } finally {
    await tally.close();
  }
}

async function openTally(data: string, options: { access: Access; purpose: string; threads: boolean }): Promise<Tally> {
  const running = findRunning(data);
  if (running !== undefined) return new RemoteTally(running);
  const { LocalTally } = await import('../../api/src/tally/local-tally.js');
  try {
    return await LocalTally.open(data, options);
  } catch (error) {
    // It may have been a `tally up` that was just starting.
    const started = error instanceof DirectoryLocked ? findRunning(data) : undefined;
    if (started === undefined) throw error;
    return new RemoteTally(started);
  }
}
