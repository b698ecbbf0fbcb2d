import { drainPending, Session } from 'chdb';
import type { Statement } from './statement.js';

/** How many statements run at once. */
const SESSIONS = 4;

/** Connections to one embedded engine; each runs one statement at a time, under that statement's settings. */
export class Sessions {
  private readonly idle: OneSession[];
  private readonly waiting: ((session: OneSession) => void)[] = [];

  private constructor(private readonly all: readonly OneSession[]) {
    this.idle = [...all];
  }

  static open(path: string): Sessions {
    return new Sessions(Array.from({ length: SESSIONS }, () => new OneSession(new Session(path))));
  }

  /** @throws Error with ClickHouse's text */
  async run(statement: Statement): Promise<Ran> {
    const session = this.idle.pop() ?? (await new Promise<OneSession>((resolve) => this.waiting.push(resolve)));
    try {
      return await session.run(statement);
    } finally {
      const next = this.waiting.shift();
      if (next === undefined) this.idle.push(session);
      else next(session);
    }
  }

  async close(): Promise<void> {
    for (const session of this.all) session.close();
    await drainPending();
  }
}

export interface Ran {
  bytes: Buffer;
  rows: number;
}

class OneSession {
  private readonly set = new Map<string, string>();
  private database = 'default';

  constructor(private readonly session: Session) {}

  async run({ sql, database = 'default', settings, parameters }: Statement): Promise<Ran> {
    for (const name of this.set.keys())
      if (!settings.has(name)) {
        await this.session.queryAsync(`SET ${name} = DEFAULT`);
        this.set.delete(name);
      }
    for (const [name, value] of settings) {
      if (this.set.get(name) === value) continue;
      await this.session.queryAsync(`SET ${name} = ${quoted(value)}`);
      this.set.set(name, value);
    }
    for (const [name, value] of parameters) await this.session.queryAsync(`SET ${name} = ${quoted(value)}`);
    if (database !== this.database) {
      await this.session.queryAsync(`USE ${database}`);
      this.database = database;
    }
    const { bytes, rowsRead } = await this.session
      .queryAsync(sql, { format: 'TabSeparated' })
      .then((result) => ({ bytes: Buffer.from(result.bytes()), rowsRead: result.rowsRead }))
      .catch(async (error: unknown) => {
        // The engine gives the beginning of an answer that was stopped to whoever asks next here.
        await this.session.queryAsync('SELECT 1').catch(() => undefined);
        throw error;
      });
    return { bytes, rows: rowsRead };
  }

  close(): void {
    this.session.close();
  }
}

function quoted(value: string): string {
  return `'${value.replace(/[\\']/g, '\\$&')}'`;
}
