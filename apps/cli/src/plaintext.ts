import { HOPS, type Hop } from '#platform';
import { Option, type Command } from 'commander';
import { WrongUse } from '../../api/src/tally/errors.js';

/** Adds `--allow-plaintext HOP`, which may be given several times. */
export function withPlaintext(command: Command): Command {
  return command.addOption(
    new Option(
      '--allow-plaintext <hops>',
      `connections that may leave this machine unencrypted: ${HOPS.join(', ')}; a comma list, may be repeated`,
    ).argParser<string[]>((hops, all = []) => [...all, ...hops.split(',').map((hop) => hop.trim())]),
  );
}

/**
 * The connections that may be in plain text: those of the flag, and those of TALLY_ALLOW_PLAINTEXT (a comma list).
 * @throws WrongUse for a hop that does not exist: one that was mistyped must not pass for one that was allowed
 */
export function plaintextOf(
  flags: { allowPlaintext?: readonly string[] },
  env: Readonly<Record<string, string | undefined>>,
): ReadonlySet<Hop> {
  const listed = (env['TALLY_ALLOW_PLAINTEXT'] ?? '').split(',').map((each) => each.trim());
  const allowed = new Set<Hop>();
  for (const each of [...(flags.allowPlaintext ?? []), ...listed.filter((text) => text !== '')]) {
    const hop = HOPS.find((known) => known === each);
    if (hop === undefined)
      throw new WrongUse('--allow-plaintext', `takes ${HOPS.join(', ')}, not ${JSON.stringify(each)}`);
    allowed.add(hop);
  }
  return allowed;
}
