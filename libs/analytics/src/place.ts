import { readFileSync } from 'node:fs';
import { assertMayBePlain, CLICKHOUSE_OPTIONS, type ClickHouseOption, type Hop } from '#platform';
import { AnalyticsUnavailable } from './errors.js';

/** Where the facts are rolled up: in this process, under a directory, or at a server. */
export type AnalyticsPlace = { path: string } | ServerPlace;

export interface ServerPlace {
  /** Scheme, host and port alone. */
  url: string;
  username?: string;
  password?: string;
  database?: string;
  /** PEM. An own authority to trust, and a certificate to show instead of a password. */
  tls?: { ca?: string; cert?: string; key?: string };
  /** How long a server may be silent, in ms; default 120,000. */
  timeoutMs?: number;
  /** Before an insert is sent again that may not have arrived, in ms; default [200, 1000]. */
  retryMs?: readonly number[];
}

/**
 * A server's address with its credentials and options: `https://user@host:8443/database?password_file=FILE&tls_ca=FILE`.
 * @param allowed the hops of `--allow-plaintext`: without TLS only on this machine, or where that was allowed.
 * @throws AnalyticsUnavailable, PlaintextRefused
 */
export function placeOf(address: string, allowed: ReadonlySet<Hop> = new Set()): ServerPlace {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new AnalyticsUnavailable('the given address', 'it is not a URL such as https://user:password@host:8443');
  const refuse = (why: string): AnalyticsUnavailable => new AnalyticsUnavailable(url.host, why);
  if (url.protocol === 'http:') assertMayBePlain('clickhouse', url.hostname, allowed);
  const database = url.pathname.slice(1);
  if (!/^\w*$/.test(database)) throw refuse('the path must be the name of a database: letters, digits and _');
  const options: Partial<Record<ClickHouseOption, string>> = {};
  for (const [name, value] of url.searchParams) {
    const option = CLICKHOUSE_OPTIONS.find((each) => each === name);
    if (option === undefined) throw refuse(`${name} is none of the options ${CLICKHOUSE_OPTIONS.join(', ')}`);
    options[option] = value;
  }
  const file = (option: ClickHouseOption): string | undefined => {
    const path = options[option];
    return path === undefined ? undefined : fileText(path, () => refuse(`the file of ${option} cannot be read`));
  };
  const username = decodeURIComponent(url.username);
  const password = url.password === '' ? file('password_file')?.trimEnd() : decodeURIComponent(url.password);
  const tls = { ca: file('tls_ca'), cert: file('tls_cert'), key: file('tls_key') };
  if ((tls.cert === undefined) !== (tls.key === undefined)) throw refuse('tls_cert and tls_key go together');
  if (Object.values(tls).some((pem) => pem !== undefined) && url.protocol === 'http:')
    throw refuse('certificates are for https');
  if (tls.cert !== undefined && password !== undefined)
    throw refuse('ClickHouse takes a certificate or a password, not both');
  const seconds = Number(options.timeout_s ?? 120);
  if (!(seconds > 0 && seconds <= 3600)) throw refuse('timeout_s is a number of seconds up to 3600');
  return {
    url: `${url.protocol}//${url.host}/`,
    ...(username !== '' && { username }),
    ...(password !== undefined && password !== '' && { password }),
    ...(database !== '' && { database }),
    ...((tls.ca ?? tls.cert) !== undefined && {
      tls: { ...(tls.ca && { ca: tls.ca }), ...(tls.cert && tls.key && { cert: tls.cert, key: tls.key }) },
    }),
    ...(options.timeout_s !== undefined && { timeoutMs: seconds * 1000 }),
  };
}

function fileText(path: string, refused: () => Error): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    throw refused();
  }
}
