import { RecentMap } from '#platform';
import type { ExpectedRevision, Ledger } from '#ledger';

/** Streams whose end a writer among others remembers: about 40 MB. */
const STREAMS_KNOWN = 200_000;

/** Which revision an append expects of a stream. */
export interface StreamEnds {
  expected(streams: readonly string[]): Promise<ExpectedRevision[]>;
  /** An append was acknowledged, or the end of the stream was read and all that stands there is remembered. */
  moved(stream: string, revision: bigint): void;
  /** What was in flight has an unknown outcome: nothing remembered may be relied on. */
  forget(): void;
}

/** The only writer of a ledger asks the ledger. */
export function endsOfSoleWriter(ledger: Ledger): StreamEnds {
  return {
    expected: async (streams) => (await ledger.revisionsOf(streams)).map((revision) => revision ?? 'no_stream'),
    moved: () => undefined,
    forget: () => undefined,
  };
}

/**
 * A writer among others never asks for the end of a stream when it appends: what stands there could have been written
 * after it decided that its own event is new. It expects what it knows, at first that there is no such stream; a
 * conflict makes it read what it did not know (MODEL §9.1).
 */
export function endsAmongWriters(): StreamEnds {
  const known = new RecentMap<string, bigint>(STREAMS_KNOWN);
  return {
    expected: async (streams) => streams.map((stream) => known.get(stream) ?? 'no_stream'),
    moved: (stream, revision) => known.set(stream, revision),
    forget: () => known.clear(),
  };
}
