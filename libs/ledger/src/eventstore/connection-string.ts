import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Credentials, EndPoint, NodePreference } from '@eventstore/db-client';
import { BadConnectionString } from './errors.js';

/** Where an EventStoreDB is and how to speak with it. */
export interface EventStoreAddress {
  hosts: EndPoint[];
  /** Ask the hosts who leads (gossip), instead of speaking with the one host. */
  discover: boolean;
  tls: boolean;
  rootCertificate?: Buffer;
  userCertFile?: Buffer;
  userKeyFile?: Buffer;
  credentials?: Credentials;
  connectionName?: string;
  nodePreference?: NodePreference;
  maxDiscoverAttempts?: number;
  discoveryInterval?: number;
  gossipTimeout?: number;
  keepAliveInterval?: number;
  keepAliveTimeout?: number;
  defaultDeadline?: number;
  /** For people: without credentials and options. */
  shown: string;
}

const DEFAULT_PORT = 2113;
const NUMBERS = [
  'maxDiscoverAttempts',
  'discoveryInterval',
  'gossipTimeout',
  'keepAliveInterval',
  'keepAliveTimeout',
  'defaultDeadline',
] as const;
const FILES = { tlsCAFile: 'rootCertificate', userCertFile: 'userCertFile', userKeyFile: 'userKeyFile' } as const;
const PREFERENCES: readonly NodePreference[] = ['leader', 'follower', 'read_only_replica', 'random'];
/** Known, and without effect here: failures are always raised, and certificates always verified. */
const WITHOUT_EFFECT = ['throwOnAppendFailure', 'tlsVerifyCert'] as const;

/**
 * Reads a connection string. Done here and not by the client, which prints the whole string, password included, when
 * it does not know an option.
 * @throws BadConnectionString
 */
export function parseConnectionString(url: string): EventStoreAddress {
  const match = /^esdb(?<discover>\+discover)?:\/\/(?<authority>[^/?]*)\/?(?:\?(?<query>.*))?$/s.exec(url.trim());
  if (match?.groups === undefined)
    throw new BadConnectionString('scheme', 'it is neither esdb:// nor esdb+discover://');
  const { discover, authority = '', query = '' } = match.groups;
  const at = authority.lastIndexOf('@');
  const hosts = authority
    .slice(at + 1)
    .split(',')
    .map(endPoint);
  const address: EventStoreAddress = {
    hosts,
    discover: discover !== undefined || hosts.length > 1,
    tls: true,
    shown: hosts.map(({ address, port }) => `${address}:${port}`).join(','),
  };
  if (at >= 0) address.credentials = credentialsOf(authority.slice(0, at));
  for (const pair of query.split('&')) if (pair !== '') setOption(address, pair);
  if ((address.userCertFile === undefined) !== (address.userKeyFile === undefined))
    throw new BadConnectionString('userCertFile', 'userCertFile and userKeyFile go together');
  return address;
}

/** Whether a text is meant as one: what a command tells from the path of a data directory. */
export function isConnectionString(text: string): boolean {
  return /^esdb(\+discover)?:/i.test(text);
}

function endPoint(text: string): EndPoint {
  const match = /^(?<host>\[[0-9a-f:.]+\]|[^\s:[\]]+)(?::(?<port>\d{1,5}))?$/i.exec(text);
  const { host, port } = match?.groups ?? {};
  if (host === undefined) throw new BadConnectionString('host', 'it is not HOST or HOST:PORT');
  const number = port === undefined ? DEFAULT_PORT : Number(port);
  if (number < 1 || number > 65535) throw new BadConnectionString('port', 'it is not between 1 and 65535');
  return { address: host, port: number };
}

function credentialsOf(text: string): Credentials {
  const colon = text.indexOf(':');
  if (colon <= 0) throw new BadConnectionString('user', 'it is not USER:PASSWORD');
  return { username: decoded('user', text.slice(0, colon)), password: decoded('password', text.slice(colon + 1)) };
}

function setOption(address: EventStoreAddress, pair: string): void {
  const equals = pair.indexOf('=');
  const name = flat(equals < 0 ? pair : pair.slice(0, equals));
  const value = equals < 0 ? '' : pair.slice(equals + 1).trim();
  const known = <T extends string>(names: readonly T[]): T | undefined => names.find((each) => flat(each) === name);
  if (name === 'tls') {
    if (value !== 'true' && value !== 'false') throw new BadConnectionString('tls', 'it is neither true nor false');
    address.tls = value === 'true';
    return;
  }
  const number = known(NUMBERS);
  if (number !== undefined) {
    if (!/^-?\d{1,9}$/.test(value)) throw new BadConnectionString(number, 'it is not a whole number');
    address[number] = Number(value);
    return;
  }
  const file = known(['tlsCAFile', 'userCertFile', 'userKeyFile']);
  if (file !== undefined) {
    address[FILES[file]] = contentOf(file, decoded(file, value));
    return;
  }
  if (name === 'connectionname') {
    address.connectionName = decoded('connectionName', value);
    return;
  }
  if (name === 'nodepreference') {
    const preference = PREFERENCES.find((each) => flat(each) === flat(value));
    if (preference === undefined)
      throw new BadConnectionString('nodePreference', `it is not ${PREFERENCES.join(', ')}`);
    address.nodePreference = preference;
    return;
  }
  // The name of an option that nobody knows may be the end of a password with a bare "?" in it.
  if (known(WITHOUT_EFFECT) === undefined)
    throw new BadConnectionString(
      'option',
      'there is one that is not known; a "?" or "&" elsewhere is written %3F, %26',
    );
}

/** As the official clients compare names: case, `_` and `-` do not count. */
function flat(name: string): string {
  return name.trim().toLowerCase().replace(/[_-]/g, '');
}

function decoded(part: string, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new BadConnectionString(part, 'its percent-encoding is broken');
  }
}

function contentOf(option: string, file: string): Buffer {
  try {
    return readFileSync(resolve(file));
  } catch {
    throw new BadConnectionString(option, 'the file cannot be read');
  }
}
