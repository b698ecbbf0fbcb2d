/** What goes wrong with a statement. */
export type Fault =
  /** The connection is cut: after the request's head, in the middle of its body, while it is executed, or when it was. */
  | { kind: 'cut'; when: 'head' | 'body' | 'while' | 'after' }
  /** Executed, but nothing is answered as long as the client waits. */
  | { kind: 'silence' }
  /** An exception instead of its execution, or after it. */
  | { kind: 'exception'; code: number; type: string; after?: boolean }
  /** Progress was told with status 200; the exception comes as a further header. */
  | { kind: 'late'; code: number; type: string }
  /** The answer breaks off with an exception, told as servers of three ages do. */
  | { kind: 'midStream'; form: 'block' | 'marker' | 'line'; keep: number; code: number; type: string }
  /** The answer breaks off without a word after so many bytes. */
  | { kind: 'truncated'; keep: number }
  /** Somebody else answers, with 200. */
  | { kind: 'stranger'; body: string };

interface Armed {
  on: RegExp;
  fault: Fault;
  times: number;
}

/** The switchboard: which statements fail, and how. */
export class Faults {
  private armed: Armed[] = [];
  /** Faults that happened, for a spec to see that its own did. */
  struck = 0;

  /** The next so many statements that match fail so. */
  arm(on: RegExp, fault: Fault, times = 1): void {
    this.armed.push({ on, fault, times });
  }

  /** @param text what is known of the statement: before its body has come, the URL's query */
  next(text: string, kinds: readonly string[] | undefined = undefined): Fault | undefined {
    const found = this.armed.find(
      ({ on, fault, times }) => times > 0 && on.test(text) && (kinds === undefined || kinds.includes(kindOf(fault))),
    );
    if (found === undefined) return undefined;
    found.times--;
    this.struck++;
    return found.fault;
  }

  /** Whether everything that was armed has happened. */
  get isSpent(): boolean {
    return this.armed.every(({ times }) => times === 0);
  }

  clear(): void {
    this.armed = [];
    this.struck = 0;
  }
}

/** Cuts before the statement is known are told apart. */
export function kindOf(fault: Fault): string {
  return fault.kind === 'cut' ? `cut ${fault.when}` : fault.kind;
}
