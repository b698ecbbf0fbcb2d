import type { Name } from '#lifecycle';
import type { NameGiver } from './adapter.js';

/** Client addresses: only the network (/24 or /48) is named; the address itself is personal (MODEL §1.7). */

export interface ClientAddress {
  /** Canonical text, for the personal box. */
  address: string;
  /** `192.0.2.0/24` or `2001:db8:1::/48`: what `net` names. */
  network: string;
}

/**
 * Reads a client address in any usual spelling: brackets, port and zone dropped, mapped IPv4 unmapped.
 * A list, a host name or nothing is unknown, unless the profile says how many proxies are trusted: then the entry
 * before the last `trustedProxies` is the client.
 */
export function readClientAddress(value: unknown, trustedProxies?: number): ClientAddress | undefined {
  if (typeof value !== 'string') return undefined;
  let text = value.trim();
  if (text.includes(',')) {
    if (trustedProxies === undefined) return undefined;
    const hops = text.split(',');
    text = (hops[Math.max(0, hops.length - 1 - trustedProxies)] ?? '').trim();
  }
  return fromIPv4(text) ?? fromIPv6(text);
}

/** The `net` name of a client address; undefined where the address is unknown. */
export function netName(name: NameGiver, value: unknown, trustedProxies?: number): Name | undefined {
  const client = readClientAddress(value, trustedProxies);
  return client && name('net', client.network);
}

const IPV4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?::\d{1,5})?$/;

function fromIPv4(text: string): ClientAddress | undefined {
  const match = IPV4.exec(text);
  if (!match) return undefined;
  for (let i = 1; i <= 4; i++) {
    const octet = match[i]!;
    // A leading zero is octal to some readers and decimal to others: such an address is nobody's.
    if (octet.length > 1 && (octet.startsWith('0') || Number(octet) > 255)) return undefined;
  }
  const network = `${match[1]}.${match[2]}.${match[3]}`;
  return { address: `${network}.${match[4]}`, network: `${network}.0/24` };
}

function fromIPv6(text: string): ClientAddress | undefined {
  const bracketed = /^\[([^\]]+)\](?::\d{1,5})?$/.exec(text);
  const bare = (bracketed?.[1] ?? text).replace(/%[\w.-]+$/, '');
  const groups = groupsOf(bare);
  if (!groups) return undefined;
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    const [high, low] = [groups[6]!, groups[7]!];
    return fromIPv4(`${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`);
  }
  const prefix = groups.slice(0, 3).map((group) => group.toString(16));
  while (prefix.at(-1) === '0') prefix.pop();
  return {
    address: groups.map((group) => group.toString(16)).join(':'),
    network: `${prefix.join(':')}::/48`,
  };
}

/** The eight groups of an IPv6 address, or undefined if it is none. */
function groupsOf(text: string): number[] | undefined {
  if (!text.includes(':')) return undefined;
  let rest = text;
  const tail: number[] = [];
  const dotted = /:(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})$/.exec(text);
  if (dotted) {
    const octets = dotted[1]!.split('.').map(Number);
    if (octets.some((octet) => octet > 255)) return undefined;
    tail.push((octets[0]! << 8) | octets[1]!, (octets[2]! << 8) | octets[3]!);
    rest = text.slice(0, -dotted[1]!.length);
    rest = rest.endsWith('::') ? rest : rest.slice(0, -1);
  }
  const halves = rest.split('::');
  if (halves.length > 2) return undefined;
  const [head, after] = halves.map((half) => (half === '' ? [] : half.split(':')));
  if (![...head!, ...(after ?? [])].every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  const front = head!.map((group) => Number.parseInt(group, 16));
  const back = [...(after ?? []).map((group) => Number.parseInt(group, 16)), ...tail];
  const missing = 8 - front.length - back.length;
  if (after === undefined ? missing !== 0 : missing < 1) return undefined;
  return [...front, ...new Array<number>(missing).fill(0), ...back];
}
