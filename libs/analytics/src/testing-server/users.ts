import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';

export interface User {
  name: string;
  /** Undefined: no password is taken. */
  password?: string;
  /** Common name of the certificate that stands for a password. */
  certificate?: string;
  /** As the setting: 1 refuses other settings too. */
  readonly?: 1 | 2;
}

/** Who asks, by the ways that the HTTP interface documents; undefined: nobody who may. */
export function userOf(request: IncomingMessage, url: URL, users: readonly User[]): User | undefined {
  const { authorization } = request.headers;
  const header = (name: string): string => String(request.headers[name] ?? '');
  if (header('x-clickhouse-ssl-certificate-auth') === 'on') {
    const { socket } = request;
    // A certificate and a password at once are refused.
    if (header('x-clickhouse-key') !== '' || !(socket instanceof TLSSocket) || !socket.authorized) return undefined;
    const name = socket.getPeerCertificate().subject?.CN;
    return users.find((user) => user.name === header('x-clickhouse-user') && user.certificate === name);
  }
  let [name, password] = [header('x-clickhouse-user'), header('x-clickhouse-key')];
  if (name === '' && authorization?.startsWith('Basic ') === true) {
    const text = Buffer.from(authorization.slice('Basic '.length), 'base64').toString('utf8');
    [name, password] = [text.slice(0, text.indexOf(':')), text.slice(text.indexOf(':') + 1)];
  }
  if (name === '')
    [name, password] = [url.searchParams.get('user') ?? 'default', url.searchParams.get('password') ?? ''];
  return users.find((user) => user.name === name && user.password === password);
}
