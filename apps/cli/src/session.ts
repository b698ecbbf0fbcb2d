import { DirectoryLocked, findRunning, type Running } from '#platform';
import type { QuestionName, Tally } from '../../api/src/tally/questions.js';
import type { OpenStores } from '../../api/src/tally/stores.js';
import { enginesOf } from './engines.js';
import { localPlace, remotePlace, type RemoteFlags } from './remote/place-of.js';
import { RemoteTally } from './remote/remote-tally.js';
import { commonOf, keysOf, purposeOf, type Shell } from './shell.js';
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
  'secrets.rotate',
  'secrets.retire',
]);

export function accessFor(question: QuestionName): Access {
  return CHANGING.has(question) ? 'write' : 'read';
}

/**
 * Runs something with whoever answers: the tally of `--url`, a running `tally up`, or the data directory itself. What adds
 * to the ledger also brings ClickHouse up to it; a running `tally up` does that by itself.
 * @param signal ends that early: the rest is done by whoever comes next.
 */
export async function withTally<T>(
  command: Command,
  shell: Shell,
  access: Access,
  use: (tally: Tally) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const { data } = commonOf(command, shell);
  const flags = command.optsWithGlobals<RemoteFlags>();
  const elsewhere = remotePlace(flags, shell.env);
  const options = {
    access,
    purpose: purposeOf(command),
    threads: shell.threads,
    ...enginesOf({}, shell),
    ...keysOf(command, shell),
  };
  const tally: Tally =
    elsewhere === undefined
      ? await openTally(data, options, (running) => new RemoteTally(localPlace(running, flags, shell.env)))
      : new RemoteTally(elsewhere);
  try {
    const result = await use(tally);
    if (access === 'write' && signal?.aborted !== true) await tally.settle?.(signal === undefined ? {} : { signal });
    return result;
  } finally {
    await tally.close();
  }
}

async function openTally(
  data: string,
  options: OpenStores & { threads: boolean },
  remote: (running: Running) => RemoteTally,
): Promise<Tally> {
  const running = findRunning(data);
  if (running !== undefined) return remote(running);
  const { LocalTally } = await import('../../api/src/tally/local-tally.js');
  try {
    return await LocalTally.open(data, options);
  } catch (error) {
    // It may have been a `tally up` that was just starting.
    const started = error instanceof DirectoryLocked ? findRunning(data) : undefined;
    if (started === undefined) throw error;
    return remote(started);
  }
}
