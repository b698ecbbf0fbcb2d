import { readFileSync } from 'node:fs';
import { connect as connectPlain, isIP } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import kafkajs, {
  type Kafka,
  type ISocketFactory,
  type KafkaConfig,
  type RetryOptions,
  type SASLOptions,
} from 'kafkajs';
import { assertMayBePlain, type Hop, type Log } from '#platform';
import { logCreator } from './client-log.js';
import { BadKafkaConnection } from './errors.js';

export const SASL_MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;
export type SaslMechanism = (typeof SASL_MECHANISMS)[number];

/** How the brokers are reached. */
export interface KafkaConnection {
  /** `host:port` each; enough of them that one is up. */
  brokers: readonly string[];
  /** PEM texts; `ca` in place of the system's authorities, `cert` and `key` where the broker asks who we are. */
  tls?: { ca?: string; cert?: string; key?: string };
  sasl?: { mechanism: SaslMechanism; username: string; password: string };
  /** Shown in the broker's logs and quotas. */
  clientId?: string;
}

/** Where the parts of a connection come from: flags and the environment, both read by the caller's process. */
export interface ConnectionSource {
  /** `host:port`, separated by commas. */
  brokers: string;
  env: Readonly<Record<string, string | undefined>>;
}

/**
 * Reads a connection. Of the environment: `TALLY_KAFKA_TLS` (`true` or `false`), `TALLY_KAFKA_CA`, `TALLY_KAFKA_CERT`,
 * `TALLY_KAFKA_KEY` (files, each means TLS), `TALLY_KAFKA_SASL` (a mechanism; `scram-sha-512` where there is a user),
 * `TALLY_KAFKA_USER`, and the password in `TALLY_KAFKA_PASSWORD` or, better, in the file `TALLY_KAFKA_PASSWORD_FILE`.
 * @throws BadKafkaConnection
 */
export function kafkaConnectionOf({ brokers, env }: ConnectionSource): KafkaConnection {
  const hosts = brokers.split(',').map((broker) => broker.trim());
  for (const host of hosts) {
    if (!/^(\[[0-9a-f:.]+\]|[^\s:/@]+):\d{1,5}$/i.test(host)) {
      throw new BadKafkaConnection('brokers', 'is not host:port, or several of them with commas between');
    }
  }
  const connection: KafkaConnection = { brokers: hosts };
  const [ca, cert, key] = (['CA', 'CERT', 'KEY'] as const).map((name) => fileOf(env, `TALLY_KAFKA_${name}`));
  const asked = env['TALLY_KAFKA_TLS'];
  if (asked !== undefined && asked !== 'true' && asked !== 'false') {
    throw new BadKafkaConnection('TALLY_KAFKA_TLS', 'is neither true nor false');
  }
  if ((cert === undefined) !== (key === undefined)) {
    throw new BadKafkaConnection('TALLY_KAFKA_CERT', 'and TALLY_KAFKA_KEY go together');
  }
  const files = {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  };
  const hasFiles = Object.keys(files).length > 0;
  if (hasFiles && asked === 'false')
    throw new BadKafkaConnection('TALLY_KAFKA_TLS', 'is false, and a certificate is given');
  if (hasFiles || asked === 'true') connection.tls = files;
  const sasl = saslOf(env);
  if (sasl !== undefined) connection.sasl = sasl;
  return connection;
}

function saslOf(env: ConnectionSource['env']): KafkaConnection['sasl'] {
  const username = env['TALLY_KAFKA_USER'];
  const mechanism = env['TALLY_KAFKA_SASL'] ?? (username === undefined ? undefined : 'scram-sha-512');
  if (mechanism === undefined) return undefined;
  if (!isMechanism(mechanism))
    throw new BadKafkaConnection('TALLY_KAFKA_SASL', `is none of ${SASL_MECHANISMS.join(', ')}`);
  if (username === undefined) throw new BadKafkaConnection('TALLY_KAFKA_USER', 'is missing');
  // A line end at the end of the file is the editor's.
  const password = fileOf(env, 'TALLY_KAFKA_PASSWORD_FILE')?.replace(/\r?\n$/, '') ?? env['TALLY_KAFKA_PASSWORD'];
  if (password === undefined) {
    throw new BadKafkaConnection('TALLY_KAFKA_PASSWORD_FILE', 'is missing, and so is TALLY_KAFKA_PASSWORD');
  }
  return { mechanism, username, password };
}

function isMechanism(text: string): text is SaslMechanism {
  return (SASL_MECHANISMS as readonly string[]).includes(text);
}

function fileOf(env: ConnectionSource['env'], name: string): string | undefined {
  const path = env[name];
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new BadKafkaConnection(name, 'names a file that cannot be read', cause);
  }
}

export interface ClientOptions {
  log: Log;
  /** The hops of `--allow-plaintext`. */
  allowPlaintext?: ReadonlySet<Hop>;
  /** Default: for ever, as a service that waits for its broker does. */
  retry?: RetryOptions;
}

/** Carried brokers that were away for 15 s and came back under load. */
export const FOR_EVER: RetryOptions = { initialRetryTime: 100, maxRetryTime: 1000, retries: Infinity };

/**
 * The client of a connection.
 * @throws PlaintextRefused where a broker is not on this machine, and neither TLS nor a permission is there
 */
export function kafkaClient(connection: KafkaConnection, options: ClientOptions): Kafka {
  return new kafkajs.Kafka(kafkaConfig(connection, options));
}

export function kafkaConfig(
  { brokers, tls, sasl, clientId = 'tallystick' }: KafkaConnection,
  { log, allowPlaintext = new Set(), retry = FOR_EVER }: ClientOptions,
): KafkaConfig & { brokers: string[] } {
  if (tls === undefined) for (const broker of brokers) assertMayBePlain('kafka', hostOf(broker), allowPlaintext);
  return {
    clientId,
    brokers: [...brokers],
    ssl: tls === undefined ? false : { ...tls, ca: tls.ca === undefined ? undefined : [tls.ca], minVersion: 'TLSv1.2' },
    ...(sasl !== undefined && { sasl: { ...sasl } as SASLOptions }),
    connectionTimeout: 3000,
    requestTimeout: 10_000,
    enforceRequestTimeout: true,
    retry,
    logCreator: logCreator(log),
    socketFactory: socketsThatMay(allowPlaintext),
  };
}

/** Brokers name other brokers: what they say is asked for at each connection, too. */
function socketsThatMay(allowed: ReadonlySet<Hop>): ISocketFactory {
  return ({ host, port, ssl, onConnect }) => {
    // kafkajs hands over `false` where its type says options.
    const tls: ConnectionOptions | false | undefined = ssl;
    if (!tls) assertMayBePlain('kafka', host, allowed);
    const servername = isIP(host) === 0 ? { servername: host } : {};
    const socket = tls
      ? connectTls({ host, port, ...servername, ...tls }, onConnect)
      : connectPlain({ host, port }, onConnect);
    socket.setKeepAlive(true, 60_000);
    return socket;
  };
}

function hostOf(broker: string): string {
  return broker.slice(0, broker.lastIndexOf(':'));
}
