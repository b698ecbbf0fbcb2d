import { resolve } from 'node:path';
import type { Command } from 'commander';
import { ask } from '../ask.js';
import { cell } from '../output/cells.js';
import { fieldLines, objectOf, printValue } from '../output/value.js';
import { commonOf, verb, type Shell } from '../shell.js';

/** The ledger as a whole. */
export function addLedger(program: Command, shell: Shell): void {
  verb(program, 'export', 'the whole ledger, as CloudEvents, one a line')
    .option('--as-known-at <when>', 'time:T or position:K')
    .action(async ({ asKnownAt }: { asKnownAt?: string }, command: Command) => {
      await ask(command, shell, 'export', asKnownAt ? { asKnownAt } : {}, {
        format: 'ndjson',
        columns: { table: ['position', 'time', 'recordedat', 'type', 'subject', 'source'] },
        after: ({ events, position }, { talk }) => talk.say(`${cell(events)} events up to ${cell(position)}`),
      });
    });
  verb(program, 'backup <dir>', 'a consistent copy of the data directory, also while it is in use').action(
    async (directory: string, _flags: unknown, command: Command) => {
      await ask(command, shell, 'backup', { directory: resolve(directory) });
    },
  );
  verb(program, 'restore <dir>', 'put a backup in place as a data directory that does not exist yet').action(
    async (directory: string, _flags: unknown, command: Command) => {
      const { data, format } = commonOf(command, shell);
      const { restore } = await import('../../../api/src/tally/backup.js');
      const answer = await restore(directory, data);
      if (answer.kind === 'value') await printValue(answer.value, format, shell.out);
    },
  );
  verb(program, 'status', 'how far the ledger and each source have come').action(
    async (_flags: unknown, command: Command) => {
      await ask(command, shell, 'status', {}, { lines: statusLines });
    },
  );
}

function statusLines({ sources, knownAt, ...rest }: Record<string, unknown>): string[] {
  const { position, time } = objectOf(knownAt);
  const list = (Array.isArray(sources) ? sources : []).map(objectOf);
  return [
    ...fieldLines({ ...rest, position, 'last recorded': time }),
    ...list.map(
      ({ source, watermark, assumed }) =>
        `source ${cell(source)}: complete up to ${cell(watermark)}${assumed === true ? ' (profile assumed)' : ''}`,
    ),
  ];
}
