import { NO_SETTINGS } from '#lifecycle';
import { NoDataDirectory } from '#platform';
import type { Command } from 'commander';
import { ask } from '../ask.js';
import { cell } from '../output/cells.js';
import { printValue } from '../output/value.js';
import { readDocument } from '../read-document.js';
import { commonOf, verb, type Shell } from '../shell.js';

export function addSettings(program: Command, shell: Shell): void {
  const settings = program.command('settings').description('source profiles and thresholds, recorded as facts');
  verb(settings, 'check <file>', 'say what is wrong with a settings file, or what it would change').action(
    async (file: string, _flags: unknown, command: Command) => {
      const document = readDocument(file);
      try {
        await ask(command, shell, 'settings.check', { settings: document }, { lines: changeLines });
      } catch (error) {
        if (!(error instanceof NoDataDirectory)) throw error;
        // Without a ledger nothing is declared yet.
        const { differences, readSettings } = await import('../../../api/src/tally/settings.js');
        const read = readSettings(document);
        const value = { valid: true, changes: differences(NO_SETTINGS, read), settings: read };
        await printValue(value, commonOf(command, shell).format, shell.out, changeLines);
      }
    },
  );
  verb(settings, 'declare <file>', 'record a settings file; the whole of it counts from now on')
    .option('--by <person>', 'who decided')
    .action(async (file: string, { by }: { by?: string }, command: Command) => {
      const params = { settings: readDocument(file), ...(by && { by }) };
      await ask(command, shell, 'settings.declare', params, { lines: changeLines });
    });
  verb(settings, 'show', 'the settings that count, and what each source is taken for')
    .option('--as-known-at <when>', 'time:T or position:K')
    .action(async ({ asKnownAt }: { asKnownAt?: string }, command: Command) => {
      await ask(command, shell, 'settings.show', asKnownAt ? { asKnownAt } : {}, { lines: settingsLines });
    });
}

function changeLines({ valid, recorded, changes }: Record<string, unknown>): string[] {
  const list = Array.isArray(changes) ? changes.map(cell) : [];
  const head =
    valid === true ? 'the settings are valid' : recorded === true ? 'the settings are recorded' : 'nothing to record';
  return [list.length === 0 ? `${head}; no change` : `${head}; changes:`, ...list.map((change) => `  ${change}`)];
}

function settingsLines({ settings, digest, rules, profiles }: Record<string, unknown>): string[] {
  const sources = (Array.isArray(profiles) ? profiles : []) as Record<string, unknown>[];
  return [
    `digest ${cell(digest)}, rules ${cell(rules)}`,
    JSON.stringify(settings, undefined, 2),
    ...sources.map(
      ({ name, format, authority, assumed }) =>
        `${cell(name)}: ${cell(format)}, ${cell(authority)}${assumed === true ? ' (assumed: not in the settings)' : ''}`,
    ),
  ].flatMap((text) => text.split('\n').map(cell));
}
