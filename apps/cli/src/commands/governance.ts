import type { Command } from 'commander';
import { ask } from '../ask.js';
import { verb, type Shell } from '../shell.js';

/** Persons who are forgotten, and sources that are no longer believed. */
export function addGovernance(program: Command, shell: Shell): void {
  const subject = program.command('subject').description('a person');
  verb(subject, 'erase [name]', 'destroy the keys of a person’s data, for ever; states and findings stay')
    .option('--issuer <issuer>', 'with --subject, in place of the name')
    .option('--subject <subject>', 'the person as the issuer calls them')
    .option('--by <person>', 'who decided')
    .action(
      async (
        name: string | undefined,
        { issuer, subject: person, by }: { issuer?: string; subject?: string; by?: string },
        command: Command,
      ) => {
        await ask(command, shell, 'subject.erase', {
          ...(name !== undefined && { name }),
          ...(issuer !== undefined && { issuer }),
          ...(person !== undefined && { subject: person }),
          ...(by !== undefined && { by }),
        });
      },
    );
  const source = program.command('source').description('a source of facts');
  verb(source, 'distrust <name>', 'take a source’s facts out of every later answer; two persons must decide')
    .option('--by <person>', 'who decided; give it twice', (person: string, all: string[]) => [...all, person], [])
    .option('--from <time>', 'facts from this time on')
    .option('--to <time>', 'facts before this time')
    .option('--reason <text>', 'why')
    .action(
      async (
        name: string,
        { by, from, to, reason }: { by: string[]; from?: string; to?: string; reason?: string },
        command: Command,
      ) => {
        const range = { ...(from && { from }), ...(to && { to }), ...(reason && { reason }) };
        await ask(command, shell, 'source.distrust', { source: name, by, ...range });
      },
    );
}
