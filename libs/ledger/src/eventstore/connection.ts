import type { EndPoint } from '@eventstore/db-client';
import { assertMayBePlain, type Hop } from '#platform';
import { LedgerClosed } from '../errors.js';
import type { EventStoreAddress } from './connection-string.js';
import { EventStoreAccessDenied, EventStoreRefused, EventStoreUnreachable } from './errors.js';
import { EndedEarly, faultOf, type Fault } from './faults.js';
import { WireClient } from './wire-client.js';

/** The client in use. A broken one is thrown away with everything that still runs on it, and the next one made. */
export class Connection {
  #client: WireClient | undefined;
  #leader: EndPoint | undefined;
  #isClosed = false;
  readonly #closing = new AbortController();

  constructor(
    readonly address: EventStoreAddress,
    private readonly allowed: ReadonlySet<Hop>,
  ) {
    // Here already, so that nobody waits for a connection that may not be made.
    if (!address.tls) for (const host of address.hosts) assertMayBePlain('eventstore', host.address, allowed);
  }

  /** Aborts when the ledger closes. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  client(): WireClient {
    if (this.#isClosed) throw new LedgerClosed();
    return (this.#client ??= new WireClient(this.address, this.allowed, this.#leader));
  }

  /**
   * What to do after an error of a call on a client: undefined if a new try may help (the client was renewed if need
   * be), else the error to raise.
   */
  judge(error: unknown, client: WireClient): { fault: Fault; mayRetry: boolean } | undefined {
    if (this.#isClosed) return undefined;
    const fault = faultOf(error);
    if (fault === undefined) return undefined;
    const mayRetry = fault.kind === 'broken' || fault.kind === 'not-leader';
    // A call that was ended in good order says nothing against its connection.
    if (mayRetry && !(error instanceof EndedEarly))
      this.renew(client, fault.kind === 'not-leader' ? fault.leader : undefined);
    return { fault, mayRetry };
  }

  /** Throws a client away unless that has been done; without a leader to go to, the next one asks anew. */
  renew(client: WireClient, leader?: EndPoint): void {
    if (client !== this.#client) return;
    this.#client = undefined;
    this.#leader = leader;
    void client.shut();
  }

  /** The error that a caller gets. */
  named(fault: Fault, cause: unknown): Error {
    const { shown, tls, credentials } = this.address;
    switch (fault.kind) {
      case 'broken':
        return new EventStoreUnreachable(shown, fault.why, cause);
      case 'not-leader':
        return new EventStoreUnreachable(shown, 'no node says that it leads', cause);
      case 'denied':
        return new EventStoreAccessDenied(shown, credentials !== undefined, !tls);
      case 'deleted':
        return new EventStoreRefused(shown, 'the stream is deleted', cause);
      case 'refused':
        return new EventStoreRefused(shown, fault.why, cause);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#closing.abort();
    await this.#client?.shut();
    this.#client = undefined;
  }
}
