import { BlockList, isIP } from 'node:net';
import { TallyError } from './errors.js';

/** The connections over which tokens' facts, names or bearers travel. */
export const HOPS = ['api', 'kafka', 'eventstore', 'clickhouse'] as const;
export type Hop = (typeof HOPS)[number];

/** A connection would leave this machine in plain text, and nobody said that it may. */
export class PlaintextRefused extends TallyError {
  readonly code = 'TALLY_PLAINTEXT_REFUSED';
  constructor(hop: Hop, host: string) {
    super(`The connection ${TO[hop]} ${host} would be in plain text, and ${host} is not this machine.`, {
      facts: { hop, host },
      remedy: `${ENCRYPT[hop]} Where something else encrypts it (a mesh, a tunnel), say so: --allow-plaintext ${hop}.`,
    });
  }
}

const TO: Readonly<Record<Hop, string>> = {
  api: 'to the API on',
  kafka: 'to the Kafka broker',
  eventstore: 'to EventStoreDB on',
  clickhouse: 'to ClickHouse on',
};

const ENCRYPT: Readonly<Record<Hop, string>> = {
  api: 'Give a certificate and its key: --tls-cert FILE --tls-key FILE.',
  kafka: 'Use a TLS listener of the broker.',
  eventstore: 'Use a connection string with tls=true.',
  clickhouse: 'Use an https URL.',
};

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/**
 * Whether a host is this machine for sure: an address of the loopback network in full spelling (127.0.0.0/8, ::1, also
 * mapped and in brackets) or `localhost`. No name is looked up: what a resolver says may change.
 */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  if (bare === 'localhost' || bare === 'localhost.') return true;
  const version = isIP(bare);
  return version !== 0 && LOOPBACK.check(bare, version === 4 ? 'ipv4' : 'ipv6');
}

/**
 * To be asked before a connection without TLS is opened or accepted: it stays on this machine, or somebody allowed it.
 * @param allowed the hops of `--allow-plaintext`
 * @throws PlaintextRefused
 */
export function assertMayBePlain(hop: Hop, host: string, allowed: ReadonlySet<Hop>): void {
  if (!isLoopback(host) && !allowed.has(hop)) throw new PlaintextRefused(hop, host);
}
