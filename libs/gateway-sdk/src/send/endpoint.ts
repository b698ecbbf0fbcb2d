import { isLoopback } from '../../shared.js';
import { BadOption, PlaintextEndpoint } from '../errors.js';

/** @throws PlaintextEndpoint, BadOption */
export function readUrl(text: string, allowPlaintext: boolean): URL {
  const remedy = 'Give the address of the API, such as https://tally.example.com.';
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
    throw new BadOption('url', 'is no http or https address', remedy);
  }
  if (url.username !== '' || url.password !== '') {
    throw new BadOption('url', 'holds a user or password', 'Give the bearer as `bearer`; addresses end up in logs.');
  }
  if (url.protocol === 'http:') assertMayBePlain(url.hostname, allowPlaintext);
  return url;
}

/** `host:port` each. @throws PlaintextEndpoint, BadOption */
export function readBrokers(brokers: readonly string[], encrypted: boolean, allowPlaintext: boolean): string[] {
  if (brokers.length === 0) throw new BadOption('brokers', 'is empty', 'Give at least one host:port.');
  for (const broker of brokers) {
    const host = /^(\[[^\]]+\]|[^:[\]]+):\d{1,5}$/.exec(broker)?.[1];
    if (host === undefined) throw new BadOption('brokers', 'holds one that is not host:port', 'Write broker-1:9093.');
    if (!encrypted) assertMayBePlain(host, allowPlaintext);
  }
  return [...brokers];
}

function assertMayBePlain(host: string, allowed: boolean): void {
  if (!allowed && !isLoopback(host)) throw new PlaintextEndpoint(host);
}
