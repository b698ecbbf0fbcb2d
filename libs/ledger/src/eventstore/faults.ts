import { Metadata, status } from '@grpc/grpc-js';
import type { EndPoint } from '@eventstore/db-client';

/** What went wrong on the wire, by what helps. */
export type Fault =
  /** The connection or the server is gone; a new connection may help. */
  | { kind: 'broken'; why: string }
  /** Another node leads. */
  | { kind: 'not-leader'; leader: EndPoint | undefined }
  | { kind: 'denied' }
  | { kind: 'deleted' }
  | { kind: 'refused'; why: string };

/** The stream of a call ended, without an error, before everything was answered. */
export class EndedEarly extends Error {
  constructor() {
    super('the server ended the call');
  }
}

/** An own deadline passed. */
export class TookTooLong extends Error {
  constructor() {
    super('no answer came');
  }
}

/**
 * Reads an error of a gRPC call: first the trailer `exception` that EventStoreDB sets, else the status. Undefined for
 * what is no fault of the wire (an error of ours).
 */
export function faultOf(error: unknown): Fault | undefined {
  if (error instanceof EndedEarly || error instanceof TookTooLong) return { kind: 'broken', why: error.message };
  if (!(error instanceof Error)) return { kind: 'refused', why: 'an unreadable answer' };
  // Discovery has no error of its own in the client.
  if (error.message.startsWith('Failed to discover'))
    return { kind: 'broken', why: 'no member of the cluster answers' };
  const code = 'code' in error && typeof error.code === 'number' ? error.code : undefined;
  if (code === undefined) return undefined;
  const trailers = 'metadata' in error && error.metadata instanceof Metadata ? error.metadata : new Metadata();
  const trailer = (name: string): string | undefined => trailers.get(name)[0]?.toString();
  switch (trailer('exception')) {
    case 'not-leader':
      return { kind: 'not-leader', leader: leaderOf(trailer) };
    case 'access-denied':
      return { kind: 'denied' };
    case 'stream-deleted':
      return { kind: 'deleted' };
  }
  const name = status[code] ?? String(code);
  switch (code) {
    case status.UNAVAILABLE:
    case status.CANCELLED:
    case status.ABORTED:
    case status.DEADLINE_EXCEEDED:
      return { kind: 'broken', why: name };
    case status.UNAUTHENTICATED:
    case status.PERMISSION_DENIED:
      return { kind: 'denied' };
    // What Node makes of a connection that was reset in the middle (grpc-node issue 2502).
    case status.INTERNAL:
      return { kind: 'broken', why: name };
  }
  if (error.message.includes('write after end')) return { kind: 'broken', why: name };
  return { kind: 'refused', why: `${name} ${trailer('exception') ?? ''}`.trim() };
}

function leaderOf(trailer: (name: string) => string | undefined): EndPoint | undefined {
  const address = trailer('leader-endpoint-host');
  const port = Number(trailer('leader-endpoint-port'));
  const isPort = Number.isInteger(port) && port > 0 && port < 65536;
  return address !== undefined && /^[\w.:[\]-]+$/.test(address) && isPort ? { address, port } : undefined;
}
