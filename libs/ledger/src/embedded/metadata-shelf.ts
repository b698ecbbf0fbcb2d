import type Database from 'better-sqlite3';
import { RecentMap } from '#platform';
import type { StreamHeads } from './stream-heads.js';
import { storedContent } from './stored-event.js';
import {
  metadataStreamOf,
  NO_METADATA,
  OF_METADATA_STREAMS,
  parseStreamMetadata,
  type StreamMetadata,
} from './stream-metadata.js';

const CAPACITY = 10_000;

/** The metadata of streams, read from the last event of each metadata stream and remembered. */
export class MetadataShelf {
  #known = new RecentMap<string, StreamMetadata>(CAPACITY);
  #isEmpty: boolean;
  readonly #any: Database.Statement<[], number>;
  readonly #dataAt: Database.Statement<[number, number], string | Buffer>;

  /** @param flush writes rows that wait, before one is read */
  constructor(
    database: Database.Database,
    private readonly heads: StreamHeads,
    private readonly flush: () => void,
  ) {
    this.#any = database
      .prepare<[], number>(`SELECT 1 FROM streams WHERE name >= '$$' AND name < '$$\u{10ffff}' LIMIT 1`)
      .pluck();
    this.#dataAt = database
      .prepare<[number, number], string | Buffer>('SELECT data FROM events WHERE stream = ? AND revision = ?')
      .pluck();
    this.#isEmpty = this.#any.get() === undefined;
  }

  of(stream: string): StreamMetadata {
    // A ledger that nobody but the product writes has no metadata: appends pay nothing.
    if (this.#isEmpty) return stream.startsWith('$$') ? OF_METADATA_STREAMS : NO_METADATA;
    if (stream.startsWith('$$')) return OF_METADATA_STREAMS;
    const known = this.#known.get(stream);
    if (known !== undefined) return known;
    const text = this.textOf(stream);
    const metadata = text === undefined ? NO_METADATA : parseStreamMetadata(text);
    this.#known.set(stream, metadata);
    return metadata;
  }

  /** The last metadata as it was written; undefined if there is none, or it was not declared as JSON. */
  textOf(stream: string): string | undefined {
    const head = this.heads.find(metadataStreamOf(stream));
    if (head === undefined || head.revision < 0) return undefined;
    this.flush();
    const data = this.#dataAt.get(head.id, head.revision);
    if (data === undefined) return undefined;
    const { isJson, bytes } = storedContent(data);
    return isJson ? Buffer.from(bytes).toString() : undefined;
  }

  has(stream: string): boolean {
    return !this.#isEmpty && (this.heads.find(metadataStreamOf(stream))?.revision ?? -1) >= 0;
  }

  /** After an append to the stream's metadata. */
  changed(stream: string): void {
    this.#isEmpty = false;
    this.#known.delete(stream);
  }

  /** After a transaction that failed. */
  forget(): void {
    this.#known.clear();
    this.#isEmpty = this.#any.get() === undefined;
  }
}
