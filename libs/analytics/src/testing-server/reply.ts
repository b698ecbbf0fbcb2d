import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { codeIn, statusOf } from './exception.js';
import { formatOf, isReading, type Statement } from './statement.js';

const PIECE = 16_384;

/** One request's answer, with the headers that ClickHouse documents. */
export class Reply {
  readonly tag = randomBytes(8).toString('hex');

  constructor(
    private readonly request: IncomingMessage,
    private readonly response: ServerResponse,
    /** Servers before 25.11 send no tag. */
    private readonly isTagged: boolean,
  ) {}

  private head(statement: Statement, rows: number): Record<string, string> {
    const summary = {
      read_rows: '0',
      written_rows: '0',
      [isReading(statement.sql) ? 'result_rows' : 'written_rows']: String(rows),
    };
    return {
      'Content-Type': 'text/tab-separated-values; charset=UTF-8',
      'X-ClickHouse-Server-Display-Name': 'tally test server',
      'X-ClickHouse-Query-Id': statement.queryId,
      'X-ClickHouse-Format': formatOf(statement.sql),
      'X-ClickHouse-Timezone': 'UTC',
      'X-ClickHouse-Summary': JSON.stringify(summary),
      ...(this.isTagged && { 'X-ClickHouse-Exception-Tag': this.tag }),
    };
  }

  private encoded(statement: Statement | undefined, body: Buffer): [Buffer, Record<string, string>] {
    const takes = /\bgzip\b/.test(String(this.request.headers['accept-encoding'] ?? ''));
    if (statement?.compresses !== true || !takes) return [body, {}];
    return [gzipSync(body), { 'Content-Encoding': 'gzip' }];
  }

  /** In chunks, to the end. */
  whole(statement: Statement, body: Buffer, rows: number): void {
    const [bytes, encoding] = this.encoded(statement, body);
    this.response.writeHead(200, { ...this.head(statement, rows), ...encoding });
    for (let at = 0; at < bytes.length; at += PIECE) this.response.write(bytes.subarray(at, at + PIECE));
    this.response.end();
  }

  exception(statement: Statement | undefined, message: string): void {
    const code = codeIn(message);
    const [bytes, encoding] = this.encoded(statement, Buffer.from(`${message}\n`));
    this.response.writeHead(statusOf(code), {
      'Content-Type': 'text/plain; charset=UTF-8',
      'X-ClickHouse-Exception-Code': String(code),
      ...(statement !== undefined && { 'X-ClickHouse-Query-Id': statement.queryId }),
      ...encoding,
    });
    this.response.end(bytes);
  }

  /** The head had begun with status 200, for progress was told; then the statement failed. */
  late(statement: Statement, message: string): void {
    const { socket } = this.request;
    const lines = Object.entries(this.head(statement, 0)).map(([name, value]) => `${name}: ${value}`);
    socket.write(`HTTP/1.1 200 OK\r\n${lines.join('\r\n')}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n`);
    socket.write('X-ClickHouse-Progress: {"read_rows":"1"}\r\n');
    socket.write(`X-ClickHouse-Exception-Code: ${codeIn(message)}\r\n\r\n`);
    const text = `__exception__\r\n${message}\n`;
    socket.end(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`);
  }

  /** A part of the answer, and then the exception. Only servers that tell it as a last line end the stream properly. */
  midStream(statement: Statement, body: Buffer, form: 'block' | 'marker' | 'line', message: string): void {
    const text = `${message}\n`;
    const block = `\r\n__exception__\r\n${this.tag}\r\n${text}${Buffer.byteLength(text)} ${this.tag}\r\n__exception__\r\n`;
    const said = { block, marker: `__exception__\r\n${text}`, line: text }[form];
    const { 'X-ClickHouse-Exception-Tag': _tag, ...untagged } = this.head(statement, 0);
    this.response.writeHead(200, { ...untagged, ...(form === 'block' && { 'X-ClickHouse-Exception-Tag': this.tag }) });
    // Behind a whole row.
    if (form === 'line') return void this.response.end(`${body.toString('utf8').replace(/[^\n]*$/, '')}${said}`);
    this.response.write(body);
    this.response.write(said, () => this.request.socket.destroySoon());
  }

  truncated(statement: Statement, body: Buffer, keep: number): void {
    const [bytes, encoding] = this.encoded(statement, body);
    this.response.writeHead(200, { ...this.head(statement, 0), ...encoding });
    this.response.flushHeaders();
    this.response.write(bytes.subarray(0, keep), () => this.request.socket.destroySoon());
  }
}
