import { SEVERITIES, type Severity } from '#lifecycle';
import { Option, type Command } from 'commander';
import { ask } from '../ask.js';
import { cell } from '../output/cells.js';
import { verb, type Shell } from '../shell.js';
import { whenFlags, whenOf, type When } from './token.js';

export function addFindings(program: Command, shell: Shell): void {
  whenFlags(verb(program, 'findings', 'what is odd about tokens, worst first'))
    .addOption(new Option('--severity <severity>', 'this one or worse').choices([...SEVERITIES]))
    .option('--rule <rule>', 'of this rule or kind, such as D2 or never-expires')
    .option('--token <name>', 'about this token')
    .action(async (flags: When & { severity?: Severity; rule?: string; token?: string }, command: Command) => {
      const { severity, rule, token } = flags;
      const params = { ...(severity && { severity }), ...(rule && { rule }), ...(token && { token }) };
      await ask(
        command,
        shell,
        'findings',
        { ...whenOf(flags), ...params },
        {
          columns: {
            table: ['severity', 'rule', 'kind', 'gateway', 'tokens', 'summary'],
            show: {
              severity: (severity, row) => cell(severity) + (row['provisional'] === true ? ' (provisional)' : ''),
              tokens: (tokens) => fewOf(tokens),
            },
            none: 'no findings',
          },
        },
      );
    });
}

function fewOf(tokens: unknown): string {
  const list = Array.isArray(tokens) ? tokens : [];
  return list.length > 1 ? `${cell(list[0])} +${list.length - 1}` : cell(list[0]);
}
