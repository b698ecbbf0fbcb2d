import { resolve } from 'node:path';
import type { Command } from 'commander';
import { copyLedger, isConnectionString, verifyCopy, type Copied } from '#ledger';
import { Interruption } from '../ingest/interruption.js';
import { openLedgerAt, type LedgerAt, type OpenLedgerAt } from '../ledger-at.js';
import { cell } from '../output/cells.js';
import { PositionProgress } from '../output/position-progress.js';
import { printValue } from '../output/value.js';
import { plaintextOf, withPlaintext } from '../plaintext.js';
import { commonOf, purposeOf, verb, type Shell } from '../shell.js';
import { WrongFlags } from '../wrong-flags.js';

interface CopyFlags {
  verifyOnly?: true;
  allowPlaintext?: string[];
}

/** `tally ledger copy`: from a laptop's ledger to a cluster, and back. */
export function addLedgerCopy(program: Command, shell: Shell): void {
  const noun = program.commands.find((each) => each.name() === 'ledger') ?? program.command('ledger');
  withPlaintext(verb(noun, 'copy <from> <to>', 'every event of one ledger into another, in order, then compare both'))
    .option('--verify-only', 'copy nothing, only compare')
    .addHelpText(
      'after',
      '\nFROM and TO are data directories or esdb://[USER:PASSWORD@]HOST:PORT?tls=….' +
        '\nBroken off at any point, the same command goes on from there; TO must hold nothing else.' +
        '\nSecrets and keys stay where they are: copy them by `tally backup`, or name them with --keys.' +
        '\nExit codes: 0 both hold the same, 1 they differ, or the copy failed.',
    )
    .action(async (from: string, to: string, flags: CopyFlags, command: Command) => {
      if (from === to || (![from, to].some(isConnectionString) && resolve(from) === resolve(to)))
        throw new WrongFlags('FROM and TO are the same ledger.');
      const allowed = plaintextOf(flags, shell.env);
      const options = { purpose: purposeOf(command), allowed };
      const isCopying = flags.verifyOnly !== true;
      await withBoth(from, to, { ...options, access: isCopying ? 'write' : 'read' }, (source, target) =>
        run(source, target, isCopying, command, shell),
      );
    });
}

async function withBoth(
  from: string,
  to: string,
  options: OpenLedgerAt,
  use: (source: LedgerAt, target: LedgerAt) => Promise<void>,
): Promise<void> {
  const source = await openLedgerAt(from, { ...options, access: 'read' });
  try {
    const target = await openLedgerAt(to, options);
    try {
      await use(source, target);
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

async function run(
  source: LedgerAt,
  target: LedgerAt,
  isCopying: boolean,
  command: Command,
  shell: Shell,
): Promise<void> {
  const { format } = commonOf(command, shell);
  const interruption = new Interruption();
  const progress = new PositionProgress(shell.talk);
  const copy = {
    from: source.ledger,
    to: target.ledger,
    signal: interruption.signal,
    onProgress: ({ step, reached, head }: { step: string; reached: bigint; head: bigint }) =>
      progress.update({ step, reached: Number(reached), head: Number(head) }),
  };
  try {
    const copied = isCopying ? await copyLedger(copy) : undefined;
    const digests = await verifyCopy(copy);
    progress.stop();
    const value = {
      ...copied,
      from: { ledger: source.shown, ...digests.from },
      to: { ledger: target.shown, ...digests.to },
    };
    await printValue(value, format, shell.out, () => copyLines(value));
  } catch (error) {
    const { reason } = interruption;
    if (reason === undefined) throw error;
    shell.talk.error(reason, format === 'json');
    shell.exitCode = reason.exitCode;
  } finally {
    progress.stop();
    interruption.ignore();
  }
}

interface Side {
  ledger: string;
  events: number;
  digest: string;
}

function copyLines({ from, to, copied, found }: Partial<Copied> & { from: Side; to: Side }): string[] {
  const side = (name: string, { ledger, events, digest }: Side): string =>
    `${name}  ${cell(events)} events  sha256 ${digest}  ${ledger}`;
  const done = copied === undefined ? [] : [`${cell(copied)} events copied, ${cell(found)} were there`];
  return [...done, side('from', from), side('to  ', to)];
}
