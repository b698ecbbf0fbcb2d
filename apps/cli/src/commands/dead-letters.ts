import type { Command } from 'commander';
import { ask } from '../ask.js';
import { cell } from '../output/cells.js';
import { objectOf } from '../output/value.js';
import { verb, type Shell } from '../shell.js';

export function addDeadLetters(program: Command, shell: Shell): void {
  const letters = program.command('dead-letters').description('records that were refused');
  verb(letters, 'list', 'every refused record and why').action(async (_flags: unknown, command: Command) => {
    await ask(
      command,
      shell,
      'deadletters.list',
      {},
      {
        columns: {
          table: [
            'id',
            'lastAt',
            'times',
            'source',
            'topic',
            'partition',
            'line',
            'redrivable',
            'redrivenAt',
            'field',
            'reason',
          ],
          none: 'no dead letters',
        },
      },
    );
  });
  verb(letters, 'show <id>', 'one refused record')
    .option('--personal', 'open its redacted content')
    .action(async (id: string, { personal }: { personal?: true }, command: Command) => {
      await ask(command, shell, 'deadletters.show', { id, ...(personal && { personal }) });
    });
  verb(letters, 'redrive [id]', 'read refused records again, all or one, under the settings of now').action(
    async (id: string | undefined, _flags: unknown, command: Command) => {
      await ask(command, shell, 'deadletters.redrive', id === undefined ? {} : { id }, { lines: redriveLines });
    },
  );
}

function redriveLines({ redriven, accepted, events, stillRejected }: Record<string, unknown>): string[] {
  const still = (Array.isArray(stillRejected) ? stillRejected : []).map(objectOf);
  return [
    `${cell(redriven)} taken in (${cell(accepted)} accepted, ${cell(events)} events), ${still.length} still refused`,
    ...still.map(({ id, field, reason }) => `  ${cell(id)} ${cell(field)}: ${cell(reason)}`),
  ];
}
