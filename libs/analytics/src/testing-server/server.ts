import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { Refusal } from './exception.js';
import { Faults, type Fault } from './faults.js';
import { Reply } from './reply.js';
import { Sessions, type Ran } from './sessions.js';
import { isReading, readStatement, settingsIn, type Statement } from './statement.js';
import { userOf, type User } from './users.js';

export interface ServerOptions {
  /** Directory of the engine. */
  path: string;
  /** Default: `default` without a password. */
  users?: readonly User[];
  /** PEM; with `ca` certificates of clients are asked for. */
  tls?: { cert: string; key: string; ca?: string };
}

/** For specs: ClickHouse's HTTP interface as it is documented, over the embedded engine, with faults to be ordered. */
export class ClickHouseServer {
  readonly faults = new Faults();
  /** Servers before 25.11 send no tag for exceptions in mid-stream. */
  isTagged = true;
  /** How many inserts the engine has executed, by table. */
  readonly inserts = new Map<string, number>();
  private server: Server | undefined;
  private port = 0;
  private readonly sockets = new Set<Socket>();
  private readonly running = new Set<Promise<unknown>>();
  private ids = 0;

  private constructor(
    private readonly sessions: Sessions,
    private readonly options: ServerOptions,
  ) {}

  static async start(options: ServerOptions): Promise<ClickHouseServer> {
    const server = new ClickHouseServer(Sessions.open(options.path), options);
    await server.up();
    return server;
  }

  get url(): string {
    return `${this.options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${this.port}`;
  }

  /** Listens, after `down` again on the same port. */
  async up(): Promise<void> {
    const { tls } = this.options;
    const listener = (request: IncomingMessage, response: ServerResponse): void => {
      void this.take(request, response);
    };
    this.server =
      tls === undefined
        ? createServer(listener)
        : createTlsServer({ ...tls, requestCert: tls.ca !== undefined, rejectUnauthorized: false }, listener);
    this.server.on('connection', (socket: Socket) => {
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
    });
    await new Promise<void>((resolve) => this.server!.listen(this.port, '127.0.0.1', resolve));
    this.port = (this.server.address() as AddressInfo).port;
  }

  /** Connections are refused, those that stand are cut; what is being executed goes on. */
  async down(): Promise<void> {
    const closed = new Promise((resolve) => this.server!.close(resolve));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  async close(): Promise<void> {
    await this.down();
    await this.settled();
    await this.sessions.close();
  }

  /** When nothing is being executed any more. */
  async settled(): Promise<void> {
    while (this.running.size > 0) await Promise.allSettled(this.running);
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://localhost');
    if (url.pathname === '/ping') return void response.end('Ok.\n');
    // A request whose body was not read to its end has none any more.
    const { socket } = request;
    const reply = new Reply(request, response, this.isTagged);
    const early = this.faults.next(url.searchParams.get('query') ?? '', ['cut head', 'cut body', 'stranger']);
    if (early?.kind === 'stranger') return void response.end(early.body);
    if (early?.kind === 'cut' && early.when === 'head') return void socket.destroy();
    const body = await bodyOf(request, early !== undefined);
    if (body === undefined) return void socket.destroy();
    const statement = readStatement(url, body, request.headers, `test-${++this.ids}`);
    if (statement.sql === '') return void response.end('Ok.\n');
    try {
      this.admit(request, url, statement);
    } catch (error) {
      return reply.exception(statement, messageOf(error));
    }
    await this.answer(request, reply, statement, this.faults.next(statement.sql));
  }

  private async answer(
    request: IncomingMessage,
    reply: Reply,
    statement: Statement,
    fault: Fault | undefined,
  ): Promise<void> {
    if (fault?.kind === 'exception' && fault.after !== true)
      return reply.exception(statement, new Refusal(fault.code, fault.type, 'as ordered').message);
    const execution = this.execute(statement);
    if (fault?.kind === 'cut' && fault.when === 'while') request.socket.destroy();
    let ran: Ran;
    try {
      ran = await execution;
    } catch (error) {
      return reply.exception(statement, messageOf(error));
    }
    if (fault === undefined) return reply.whole(statement, ran.bytes, ran.rows);
    switch (fault.kind) {
      case 'cut':
        return void request.socket.destroy();
      case 'silence':
        return;
      case 'exception':
        return reply.exception(statement, new Refusal(fault.code, fault.type, 'as ordered').message);
      case 'late':
        return reply.late(statement, new Refusal(fault.code, fault.type, 'as ordered').message);
      case 'midStream': {
        const { message } = new Refusal(fault.code, fault.type, 'as ordered');
        return reply.midStream(statement, ran.bytes.subarray(0, fault.keep), fault.form, message);
      }
      case 'truncated':
        return reply.truncated(statement, ran.bytes, fault.keep);
      case 'stranger':
        return;
    }
  }

  private execute(statement: Statement): Promise<Ran> {
    const running = this.sessions.run(statement).then((ran) => {
      const table = /^\s*INSERT INTO \w+\.(\w+)/.exec(statement.sql)?.[1];
      if (table !== undefined) this.inserts.set(table, (this.inserts.get(table) ?? 0) + 1);
      return ran;
    });
    this.running.add(running);
    void running.catch(() => undefined).finally(() => this.running.delete(running));
    return running;
  }

  /** @throws Refusal */
  private admit(request: IncomingMessage, url: URL, { sql }: Statement): void {
    if (sql.replace(/--.*(?:\n|$)/g, '').trim() === '') throw new Refusal(62, 'SYNTAX_ERROR', 'Empty query');
    const user = userOf(request, url, this.options.users ?? [{ name: 'default', password: '' }]);
    if (user === undefined)
      throw new Refusal(516, 'AUTHENTICATION_FAILED', 'Authentication failed: password is incorrect');
    const setting = settingsIn(url)[0];
    if (user.readonly === 1 && setting !== undefined)
      throw new Refusal(164, 'READONLY', `Cannot modify '${setting}' setting in readonly mode`);
    if ((user.readonly !== undefined || request.method === 'GET') && !isReading(sql))
      throw new Refusal(164, 'READONLY', 'Cannot execute query in readonly mode');
  }
}

/** The whole body; undefined where it did not come to its end, or only half of it is wanted. */
async function bodyOf(request: IncomingMessage, half: boolean): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of request) {
      chunks.push(chunk as Buffer);
      if (half) return undefined;
    }
  } catch {
    return undefined;
  }
  return Buffer.concat(chunks);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
