import type { Readable } from 'node:stream';
import { Command, Option } from 'commander';
import { dataDirectoryPath } from '#platform';
import type { Output } from './output/output.js';
import type { Format } from './output/rows.js';
import type { Talk } from './output/talk.js';

/** What surrounds a command: where data and talk go, where input comes from, and how it will have ended. */
export interface Shell {
  out: Output;
  talk: Talk;
  stdin: Readable;
  env: Readonly<Record<string, string | undefined>>;
  /** Whether long inputs are read in threads: the built program can, sources under a test transform cannot. */
  threads: boolean;
  /** Set by commands that end well with something to say, such as a verdict. */
  exitCode: number;
}

export const FORMATS: readonly Format[] = ['table', 'json', 'ndjson', 'tsv', 'csv'];

/** Flags of every command. */
export interface Common {
  /** The data directory. */
  data: string;
  tenant: string;
  format: Format;
}

export function withCommonFlags(command: Command): Command {
  return command
    .addOption(new Option('--data <dir>', 'the data directory (default: TALLY_DATA, else .tally here)'))
    .addOption(
      new Option('--keys <dir>', 'secrets and keys that processes share (default: TALLY_KEYS, else in --data)'),
    )
    .addOption(new Option('--url <url>', 'a tally elsewhere, in place of --data (default: TALLY_URL)'))
    .addOption(new Option('--ca <file>', 'who signed its certificate (default: TALLY_CA, else the system’s)'))
    .addOption(new Option('--tenant <name>', 'whose tokens (default: default)'))
    .addOption(new Option('-o, --output <format>', 'how data is printed (default: table)').choices([...FORMATS]));
}

/** Adds a command that does something. */
export function verb(parent: Command, usage: string, description: string): Command {
  return withCommonFlags(parent.command(usage).description(description));
}

/** The common flags as given to a command or before it; the nearer one counts. */
export function commonOf(command: Command, shell: Shell, format: Format = 'table'): Common {
  const given: Record<string, unknown> = {};
  for (let each: Command | null = command; each !== null; each = each.parent) {
    for (const [flag, value] of Object.entries(each.opts())) given[flag] ??= value;
  }
  const { data, tenant, output } = given as { data?: string; tenant?: string; output?: Format };
  return { data: dataDirectoryPath(data, shell.env), tenant: tenant ?? 'default', format: output ?? format };
}

/** A directory of naming secrets and subject keys in place of the data directory, if one is named. */
export function keysOf(command: Command, { env }: Shell): { keys?: string } {
  const keys = command.optsWithGlobals<{ keys?: string }>().keys ?? env['TALLY_KEYS'];
  return keys === undefined || keys === '' ? {} : { keys };
}

/** The command as typed, without values: what others who wait for the directory are told. */
export function purposeOf(command: Command): string {
  const words: string[] = [];
  for (let each: Command | null = command; each !== null; each = each.parent) words.unshift(each.name());
  return words.join(' ');
}
