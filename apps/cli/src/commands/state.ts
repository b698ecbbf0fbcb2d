import { Option, type Command } from 'commander';
import { ask } from '../ask.js';
import { cell } from '../output/cells.js';
import { objectOf } from '../output/value.js';
import { verb, type Shell } from '../shell.js';
import { whenFlags, whenOf, type When } from './token.js';

/** Fields of a line of the state digest (MODEL §5.9). */
const DIGEST_FIELDS = ['name', 'status', 'flags', 'endedAt', 'expiry', 'family'];

export function addState(program: Command, shell: Shell): void {
  whenFlags(verb(program, 'state', 'the state of every token; `-o tsv | sha256sum` gives the state digest'))
    .addOption(
      new Option('--projection <p>', 'of a version: its time, what it produced, or what it would do now').choices([
        'time',
        'produced',
        'effective',
      ]),
    )
    .action(async (flags: When & { projection?: 'time' | 'produced' | 'effective' }, command: Command) => {
      const { projection } = flags;
      await ask(
        command,
        shell,
        'state',
        { ...whenOf(flags), ...(projection && { projection }) },
        {
          columns: {
            table: projection === 'effective' ? [...DIGEST_FIELDS, 'effective', 'why'] : DIGEST_FIELDS,
            bareTsv: DIGEST_FIELDS,
            show: { endedAt: instantShown, expiry: instantShown },
            json: 'object',
            none: 'no tokens',
          },
          after: sayDigest,
        },
      );
    });
}

function instantShown(value: unknown): string {
  const text = cell(value);
  const at = /^-?\d{1,16}$/.test(text) ? new Date(Number(text)) : undefined;
  return at === undefined || Number.isNaN(at.getTime()) ? text : at.toISOString();
}

function sayDigest({ digest, tokens, asOf, knownAt, leftOut }: Record<string, unknown>, { talk }: Shell): void {
  const { time, version, component, activation, contract, notes } = objectOf(asOf);
  const of =
    version === undefined
      ? cell(time)
      : contract === undefined
        ? `${cell(version)} of ${cell(component)} (activation ${cell(activation)})`
        : `${cell(time)}, with what ${cell(version)} of ${cell(component)} would do then`;
  talk.say(`${cell(tokens)} tokens as of ${of}, known at ${cell(objectOf(knownAt)['position'])}`);
  if (contract === false)
    talk.say(
      `note: no contract of ${cell(version)} is declared, so nothing it would do is known; see tally deployment declare`,
    );
  if (Array.isArray(notes)) for (const note of notes) talk.say(`note: ${cell(note)}`);
  if (leftOut !== undefined) talk.say(`left out, as their version is ambiguous or unknown: ${cell(leftOut)}`);
  talk.say(`digest ${cell(digest)}`);
}
