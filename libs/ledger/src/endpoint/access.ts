import type { Metadata } from '@grpc/grpc-js';
import type { RawLedger } from '../embedded/raw-ledger.js';
import { streamOfMetadata } from '../embedded/stream-metadata.js';
import { DefaultAcls } from './default-acl.js';
import { accessDenied, unauthenticated } from './refusals.js';
import type { User, Users } from './users.js';

/** Who calls: undefined without credentials. */
export type Caller = User | undefined;

type Right = 'read' | 'write' | 'delete' | 'readMetadata' | 'writeMetadata';

/** Who may do what. Without users everybody may do everything: who can reach the endpoint owns it. */
export class Access {
  readonly #defaults: DefaultAcls;

  constructor(
    private readonly ledger: RawLedger,
    private readonly users: Users | undefined,
  ) {
    this.#defaults = new DefaultAcls(ledger);
  }

  /** @throws CallRefused (UNAUTHENTICATED) for wrong credentials; none at all is a caller without a name */
  userOf(metadata: Metadata): Caller {
    const [header] = metadata.get('authorization');
    if (this.users === undefined || header === undefined) return undefined;
    const [, encoded] = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(String(header)) ?? [];
    const [, name, password] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded ?? '', 'base64').toString()) ?? [];
    const user = name === undefined || password === undefined ? undefined : this.users.find(name, password);
    if (user === undefined) throw unauthenticated();
    return user;
  }

  mayRead(caller: Caller, stream: string): boolean {
    return this.#may(caller, stream, 'read');
  }

  mayWrite(caller: Caller, stream: string): boolean {
    return this.#may(caller, stream, 'write');
  }

  assertMayRead(caller: Caller, stream: string): void {
    this.#assert(caller, stream, 'read');
  }

  assertMayWrite(caller: Caller, stream: string): void {
    this.#assert(caller, stream, 'write');
  }

  assertMayDelete(caller: Caller, stream: string): void {
    this.#assert(caller, stream, 'delete');
  }

  /** For what belongs to no stream. */
  assertIsAdmin(caller: Caller): void {
    if (this.users !== undefined && !caller?.isAdmin) throw accessDenied();
  }

  /** For what any named caller may do. */
  assertIsKnown(caller: Caller): void {
    if (this.users !== undefined && caller === undefined) throw accessDenied();
  }

  #assert(caller: Caller, stream: string, right: Right): void {
    if (!this.#may(caller, stream, right)) throw accessDenied();
  }

  #may(caller: Caller, stream: string, right: Right): boolean {
    if (this.users === undefined) return true;
    if (caller === undefined) return false;
    if (caller.isAdmin) return true;
    const owner = streamOfMetadata(stream);
    if (owner === undefined) return this.#isNamed(caller, stream, right);
    return this.#isNamed(caller, owner, right === 'read' ? 'readMetadata' : 'writeMetadata');
  }

  #isNamed(caller: User, stream: string, right: Right): boolean {
    const roles = this.ledger.metadataOf(stream).acl?.[right] ?? this.#defaults.of(stream)[right] ?? [];
    return roles.some((role) => role === '$all' || role === caller.name || caller.groups.includes(role));
  }
}
