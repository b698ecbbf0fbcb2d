import { assertMayBePlain, readIfThere, type Running } from '#platform';
import { WrongUse } from '../../../api/src/tally/errors.js';
import { plaintextOf } from '../plaintext.js';
import type { Place } from './place.js';

type Env = Readonly<Record<string, string | undefined>>;

export interface RemoteFlags {
  url?: string;
  ca?: string;
  /** As it was typed. */
  data?: string;
}

/**
 * The tally elsewhere that a command means: `--url`, else TALLY_URL unless a data directory was typed. Undefined: none.
 * @throws WrongUse, PlaintextRefused
 */
export function remotePlace(flags: RemoteFlags, env: Env): Place | undefined {
  const url = flags.url ?? (flags.data === undefined ? given(env['TALLY_URL']) : undefined);
  if (url === undefined) return undefined;
  const { protocol, hostname } = parsed(url);
  if (protocol !== 'https:' && protocol !== 'http:') throw new WrongUse('--url', 'takes an http or https address');
  if (protocol === 'http:') assertMayBePlain('api', hostname, plaintextOf({}, env));
  return { url, token: bearerIn(env), ...trustOf(flags, env) };
}

/** The `tally up` of a data directory, with what its owner says about certificates. */
export function localPlace(running: Running, flags: RemoteFlags, env: Env): Place {
  return { ...running, ...trustOf(flags, env) };
}

function trustOf(flags: RemoteFlags, env: Env): Pick<Place, 'ca' | 'client'> {
  const ca = flags.ca ?? given(env['TALLY_CA']);
  const [cert, key] = [given(env['TALLY_CLIENT_CERT']), given(env['TALLY_CLIENT_KEY'])];
  if ((cert === undefined) !== (key === undefined))
    throw new WrongUse('TALLY_CLIENT_CERT', 'and TALLY_CLIENT_KEY go together');
  return {
    ...(ca !== undefined && { ca: read(ca) }),
    ...(cert !== undefined && key !== undefined && { client: { cert: read(cert), key: read(key) } }),
  };
}

/** Never a flag: other users of a machine see what a command was started with. */
function bearerIn(env: Env): string {
  const file = given(env['TALLY_BEARER_FILE']);
  const bearer = file === undefined ? given(env['TALLY_BEARER']) : read(file).split('\n')[0]?.trim();
  if (bearer === undefined || bearer === '')
    throw new WrongUse('--url', 'needs the bearer of that tally in TALLY_BEARER_FILE or TALLY_BEARER');
  return bearer;
}

function given(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}

function parsed(url: string): URL {
  try {
    return new URL(url);
  } catch {
    throw new WrongUse('--url', 'takes an http or https address');
  }
}

function read(file: string): string {
  const text = readIfThere(file);
  if (text === undefined) throw new WrongUse(file, 'is not there');
  return text;
}
