import { createHash } from 'node:crypto';
import { isName } from '#lifecycle';
import type { Command } from 'commander';
import { WrongUse } from '../../../api/src/tally/errors.js';
import { ask } from '../ask.js';
import { cell } from '../output/cells.js';
import { fieldLines, objectOf } from '../output/value.js';
import { verb, type Shell } from '../shell.js';

interface Selection {
  jti?: string;
  issuer?: string;
  tokenStdin?: true;
  sha256?: string;
}
export interface When {
  asOf?: string;
  asKnownAt?: string;
  component?: string;
  interval?: string;
}

export function addToken(program: Command, shell: Shell): void {
  const token = program.command('token').description('one token');
  whenFlags(selectorFlags(verb(token, 'show [name]', 'what is known of a token, and its state'))).action(
    async (name: string | undefined, flags: Selection & When, command: Command) => {
      const chosen = await selectorOf(name, flags, shell);
      await ask(command, shell, 'token.show', { ...chosen, ...whenOf(flags) }, { lines: tokenLines });
    },
  );
  whenFlags(
    selectorFlags(
      verb(token, 'history [name]', 'every fact that bears on a token: when, by whom; with --as-of, up to then'),
    ),
  )
    .option('--order <order>', 'effective: when it was true; recorded: when we knew')
    .option('--personal', 'open the personal fields, such as addresses')
    .action(
      async (
        name: string | undefined,
        flags: Selection & When & { order?: 'effective' | 'recorded'; personal?: true },
        command: Command,
      ) => {
        const chosen = await selectorOf(name, flags, shell);
        const { order, personal } = flags;
        await ask(
          command,
          shell,
          'token.history',
          { ...chosen, ...whenOf(flags), ...(order && { order }), ...(personal && { personal }) },
          {
            columns: {
              table: ['effectiveAt', 'recordedAt', 'type', 'source', 'authority', 'gateway', 'version', 'data'],
              show: { data: (data, row) => cell(personal ? { ...objectOf(data), personal: row['personal'] } : data) },
            },
          },
        );
      },
    );
}

/** `--as-of` and what belongs to it. */
export function whenFlags(command: Command): Command {
  return command
    .option('--as-of <when>', 'time:T (such as time:2026-03-10T09:00:00Z) or version:V; default now')
    .option('--as-known-at <when>', 'time:T or position:K; default all that is known')
    .option('--component <name>', 'whose version --as-of means')
    .option('--interval <n>', 'which activation of that version, from 1; default the latest');
}

export function whenOf({ asOf, asKnownAt, component, interval }: When): Record<string, string> {
  const given = Object.entries({ asOf, asKnownAt, component, interval });
  return Object.fromEntries(given.filter((each): each is [string, string] => each[1] !== undefined));
}

function selectorFlags(command: Command): Command {
  return command
    .option('--jti <jti>', 'the token with this jti …')
    .option('--issuer <issuer>', '… of this issuer, byte for byte')
    .option('--sha256 <hex>', 'the token with this SHA-256')
    .option('--token-stdin', 'the token on standard input: it is hashed here, and neither sent, kept nor printed');
}

/** Exactly one way to say which token. */
async function selectorOf(
  name: string | undefined,
  { jti, issuer, tokenStdin, sha256 }: Selection,
  shell: Shell,
): Promise<{ name?: string; jti?: string; issuer?: string; sha256?: string }> {
  const ways = [name, jti ?? issuer, tokenStdin, sha256].filter((way) => way !== undefined).length;
  const remedy = 'Give one of NAME, --jti J --issuer I, --sha256 HEX, --token-stdin.';
  if (ways !== 1) throw new WrongUse('token', ways === 0 ? 'is not named' : 'is named in several ways', remedy);
  if (name !== undefined) {
    if (isName(name)) return { name };
    // The text may be a token that was pasted: it is not repeated.
    throw new WrongUse(
      'NAME',
      'is not a name (32 hex digits)',
      'To ask by the token itself, pipe it to --token-stdin.',
    );
  }
  if (sha256 !== undefined) {
    if (/^[0-9a-f]{64}$/i.test(sha256)) return { sha256: sha256.toLowerCase() };
    throw new WrongUse('--sha256', 'takes 64 hex digits', 'To ask by the token itself, pipe it to --token-stdin.');
  }
  if (tokenStdin) return { sha256: await digestOfStdin(shell) };
  if (jti !== undefined && issuer !== undefined) return { jti, issuer };
  throw new WrongUse(
    jti === undefined ? '--jti' : '--issuer',
    'is missing: a jti means something at its issuer only',
    remedy,
  );
}

/** A token is some KiB; whatever is longer is a file that was piped by mistake. */
const LONGEST_TOKEN = 1_048_576;

async function digestOfStdin(shell: Shell): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of shell.stdin as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > LONGEST_TOKEN)
      throw new WrongUse('--token-stdin', 'was given more than a token', 'Pipe the token alone.');
    chunks.push(chunk);
  }
  const token = Buffer.concat(chunks)
    .toString('utf8')
    .trim()
    .replace(/^bearer\s+/i, '');
  if (token === '') throw new WrongUse('--token-stdin', 'was given nothing', 'Pipe the token to standard input.');
  return createHash('sha256').update(token).digest('hex');
}

function tokenLines(token: Record<string, unknown>): string[] {
  const { expiry, versions, asOf, knownAt, settings, watermark, ...rest } = token;
  const { kind, at, flags, raw } = objectOf(expiry);
  const { issued, accepted, refused } = objectOf(versions);
  return fieldLines({
    ...rest,
    expiry: at ?? kind,
    'expiry flags': flags,
    ...(kind === 'implausible' ? { 'expiry as shown': raw } : {}),
    'issued by version': issued,
    'accepted by version': accepted,
    'refused by version': refused,
    'as of': objectOf(asOf)['version'] ?? objectOf(asOf)['time'],
    'known at': `${cell(objectOf(knownAt)['position'])} (${cell(objectOf(knownAt)['time'])})`,
    watermark,
    settings: objectOf(settings)['digest'],
  });
}
