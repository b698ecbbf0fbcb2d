import type Database from 'better-sqlite3';
import { storing } from '#platform';
import type { Position } from '../port.js';
import { openLedgerFile } from './schema.js';
import { TypeIds } from './type-ids.js';

/** An event as a replay wants it: no bigint, no id, the stream as a small dense integer. */
export interface RawRow {
  position: number;
  /** Dense, from 1, in order of first appearance; `streamName` gives the name. */
  streamId: number;
  revision: number;
  type: string;
  recordedAt: number;
  metadata: string | null;
  data: string;
}

export interface ScanAll {
  /** Exclusive. */
  after?: Position;
  /** Inclusive; default: the end when each page is read. */
  to?: Position;
  /** Only events with metadata, through their own index: cheap where these are few. */
  onlyWithMetadata?: boolean;
}

export interface ScanStreams {
  /** Streams whose name begins so. */
  prefix: string;
  /** First stream name, inclusive; with `before`, the share of one of several workers. */
  from?: string;
  /** Stream names before this one. */
  before?: string;
  /** Last position, inclusive. */
  to?: Position;
}

export interface ScanByAge extends Pick<ScanStreams, 'prefix' | 'to'> {
  /** Only streams with these ids, both inclusive: the share of one of several threads. */
  ids?: { from: number; to: number };
}

export interface StreamRows {
  streamId: number;
  stream: string;
  /** An array, unless the stream is longer than one page (1,000 rows): then it is read as it is iterated, once. */
  rows: Iterable<RawRow>;
}

type Columns = [number, number, number, number, number, string | null, string];
const COLUMNS = 'SELECT position, stream, revision, type, recorded, metadata, data FROM events';
/** Events of other programs are blobs: what is no fact must not stop a replay. */
const OURS = "typeof(data) = 'text'";
const PAGE = 1000;
const NAMES = 256;

/**
 * Synchronous scans for replays of what the product wrote (other programs' events are left out), on a read-only connection of their own (also from a worker thread). Rows come in
 * pages, so that a long scan neither holds up checkpoints nor needs memory; events never change, so pages agree.
 */
export class LedgerScan {
  readonly #types: TypeIds;
  readonly #all: Database.Statement<[number, number], Columns>;
  readonly #withMetadata: Database.Statement<[number, number], Columns>;
  readonly #ofStream: Database.Statement<[number, number, number], Columns>;
  readonly #streams: Database.Statement<[string, string], [number, string]>;
  readonly #byAge: Database.Statement<[number, number, number, number], Columns>;
  readonly #named: Database.Statement<[number, number], [number, string]>;
  readonly #streamName: Database.Statement<[number], string>;
  readonly #streamId: Database.Statement<[string], number>;
  readonly #end: Database.Statement<[], number>;
  readonly #lastAfter: Database.Statement<[number], number>;
  #head = 0;
  #lookedTo = 0;

  private constructor(
    readonly file: string,
    private readonly database: Database.Database,
  ) {
    // Random reads through a memory map cost two thirds. Mapped pages count as this process's memory, so only the first
    // 512 MiB are; the rest is read.
    database.pragma('mmap_size = 536870912');
    this.#types = new TypeIds(database);
    const page = `LIMIT ${PAGE}`;
    this.#all = database
      .prepare<[number, number], Columns>(
        `${COLUMNS} WHERE ${OURS} AND position > ? AND position <= ? ORDER BY position ${page}`,
      )
      .raw();
    this.#withMetadata = database
      .prepare<[number, number], Columns>(
        `${COLUMNS} WHERE ${OURS} AND metadata IS NOT NULL AND position > ? AND position <= ? ORDER BY position ${page}`,
      )
      .raw();
    this.#ofStream = database
      .prepare<[number, number, number], Columns>(
        `${COLUMNS} WHERE ${OURS} AND stream = ? AND revision >= ? AND position <= ? ORDER BY revision ${page}`,
      )
      .raw();
    this.#streams = database
      .prepare<[string, string], [number, string]>(
        `SELECT id, name FROM streams WHERE name >= ? AND name < ? ORDER BY name LIMIT ${NAMES}`,
      )
      .raw();
    // Through the index of (stream, revision): streams made at one time have their rows near one another.
    this.#byAge = database
      .prepare<[number, number, number, number], Columns>(
        `${COLUMNS} WHERE ${OURS} AND (stream, revision) > (?, ?) AND stream <= ? AND position <= ? ORDER BY stream, revision ${page}`,
      )
      .raw();
    this.#named = database
      .prepare<[number, number], [number, string]>(`SELECT id, name FROM streams WHERE id >= ? AND id <= ? ORDER BY id`)
      .raw();
    this.#streamName = database.prepare<[number], string>('SELECT name FROM streams WHERE id = ?').pluck();
    this.#streamId = database.prepare<[string], number>('SELECT id FROM streams WHERE name = ?').pluck();
    this.#end = database.prepare<[], number>('SELECT max(position) FROM events').pluck();
    this.#lastAfter = database
      .prepare<[number], number>(
        `SELECT position FROM events WHERE ${OURS} AND position > ? ORDER BY position DESC LIMIT 1`,
      )
      .pluck();
  }

  static open(file: string): LedgerScan {
    return new LedgerScan(file, openLedgerFile(file, { access: 'read' }));
  }

  /** Every event in the order of `$all`. */
  *scanAll({ after, to, onlyWithMetadata = false }: ScanAll = {}): IterableIterator<RawRow> {
    const statement = onlyWithMetadata ? this.#withMetadata : this.#all;
    const last = toNumber(to);
    for (let from = Number(after ?? 0n); ;) {
      const page = storing(this.file, () => statement.all(from, last));
      for (const columns of page) yield this.#toRow(columns);
      const end = page.at(-1);
      if (!end || page.length < PAGE) return;
      from = end[0];
    }
  }

  /**
   * Streams with a prefix in the order of their names (bytes), each with its rows by revision; streams without a
   * row up to `to` are left out.
   */
  *scanStreams({ prefix, from = prefix, before, to }: ScanStreams): IterableIterator<StreamRows> {
    const last = toNumber(to);
    // Names are ASCII or UTF-8; U+10FFFF sorts after whatever can follow the prefix.
    const end = before ?? `${prefix}\u{10ffff}`;
    for (let start = from > prefix ? from : prefix; ;) {
      const names = storing(this.file, () => this.#streams.all(start, end));
      for (const [streamId, stream] of names) {
        const page = this.#streamPage(streamId, 0, last);
        if (page.length > 0) yield { streamId, stream, rows: this.#streamRows(streamId, page, last) };
      }
      const final = names.at(-1);
      if (!final || names.length < NAMES) return;
      start = `${final[1]}\u0000`;
    }
  }

  /**
   * As `scanStreams`, in the order in which the streams were made, which is several times faster: it reads pages one
   * after another. For whoever sorts what comes of it.
   */
  *scanByAge({ prefix, to, ids }: ScanByAge): IterableIterator<StreamRows> {
    const last = toNumber(to);
    const lastStream = ids?.to ?? this.streamCount();
    let names: Map<number, string> = new Map();
    let open: { streamId: number; rows: RawRow[] } | undefined;
    const nameOf = (streamId: number): string => {
      if (!names.has(streamId)) names = new Map(storing(this.file, () => this.#named.all(streamId, streamId + PAGE)));
      return names.get(streamId) ?? '';
    };
    const given = (streamId: number, rows: Iterable<RawRow>): StreamRows | undefined => {
      const stream = nameOf(streamId);
      return stream.startsWith(prefix) ? { streamId, stream, rows } : undefined;
    };
    for (let at: [number, number] = [ids?.from ?? 0, -1]; ;) {
      const page = storing(this.file, () => this.#byAge.all(at[0], at[1], lastStream, last));
      for (const columns of page) {
        if (open !== undefined && open.streamId !== columns[1]) {
          const whole = given(open.streamId, open.rows);
          if (whole !== undefined) yield whole;
          open = undefined;
        }
        open ??= { streamId: columns[1], rows: [] };
        open.rows.push(this.#toRow(columns));
      }
      const end = page.at(-1);
      if (open !== undefined && open.rows.length >= PAGE) {
        // A long stream is read page by page by whoever wants it, and not held here.
        const { streamId } = open;
        const whole = given(streamId, this.#longStream(streamId, this.#streamPage(streamId, 0, last), last));
        if (whole !== undefined) yield whole;
        open = undefined;
        at = [streamId, Number.MAX_SAFE_INTEGER];
        continue;
      }
      if (!end || page.length < PAGE) break;
      at = [end[1], end[2]];
    }
    const whole = open === undefined ? undefined : given(open.streamId, open.rows);
    if (whole !== undefined) yield whole;
  }

  /** The rows of one stream by revision, up to a position. */
  *streamRows(stream: string, to?: Position): IterableIterator<RawRow> {
    const streamId = this.#streamId.get(stream);
    if (streamId === undefined) return;
    const last = toNumber(to);
    yield* this.#streamRows(streamId, this.#streamPage(streamId, 0, last), last);
  }

  streamName(streamId: number): string {
    return this.#streamName.get(streamId) ?? '';
  }

  /** How many streams there are: an upper bound of `streamId`. */
  streamCount(): number {
    return this.database.prepare<[], number>('SELECT coalesce(max(id), 0) FROM streams').pluck().get() ?? 0;
  }

  /** Position of the last event that the product wrote. Only what was added since the last call is looked at. */
  head(): Position {
    const end = storing(this.file, () => this.#end.get()) ?? 0;
    this.#head = storing(this.file, () => this.#lastAfter.get(this.#lookedTo)) ?? this.#head;
    this.#lookedTo = end;
    return BigInt(this.#head);
  }

  close(): void {
    this.database.close();
  }

  #streamRows(streamId: number, first: Columns[], last: number): Iterable<RawRow> {
    return first.length < PAGE ? first.map((columns) => this.#toRow(columns)) : this.#longStream(streamId, first, last);
  }

  *#longStream(streamId: number, first: Columns[], last: number): IterableIterator<RawRow> {
    for (let page = first; ;) {
      for (const columns of page) yield this.#toRow(columns);
      const end = page.at(-1);
      if (!end || page.length < PAGE) return;
      page = this.#streamPage(streamId, end[2] + 1, last);
    }
  }

  #streamPage(streamId: number, revision: number, last: number): Columns[] {
    return storing(this.file, () => this.#ofStream.all(streamId, revision, last));
  }

  #toRow([position, streamId, revision, type, recordedAt, metadata, data]: Columns): RawRow {
    return { position, streamId, revision, type: this.#types.nameOf(type), recordedAt, metadata, data };
  }
}

function toNumber(position: Position | undefined): number {
  if (position === undefined || position > BigInt(Number.MAX_SAFE_INTEGER)) return Number.MAX_SAFE_INTEGER;
  return Number(position);
}
