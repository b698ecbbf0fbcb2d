import streams from '@eventstore/db-client/generated/streams_pb.js';
import type { BatchAppendReq, ReadReq, ReadResp } from '@eventstore/db-client/generated/streams_pb.js';
import { streamIdentifier, uuid } from '../messages.js';

export interface StubRecord {
  stream: string;
  revision: number;
  position: number;
  message: BatchAppendReq.ProposedMessage;
}

export type Written = { ok: true; revision: number; position: number } | { ok: false; current: number };

/** Positions as a real server has them: offsets, far apart, and only those of records can be read from. */
const STEP = 1000;

/** A log in memory, just good enough to be spoken with; appends are idempotent at exact revisions, as servers' are. */
export class StubLog {
  readonly records: StubRecord[] = [];
  readonly #followers = new Set<(record: StubRecord) => void>();

  write(stream: string, expected: number | 'any', messages: readonly BatchAppendReq.ProposedMessage[]): Written {
    const there = this.records.filter((record) => record.stream === stream);
    const current = there.length - 1;
    if (expected !== 'any' && expected !== current) {
      const same = messages.every((each, i) => idOf(there[expected + 1 + i]?.message) === idOf(each));
      const last = there[expected + messages.length];
      return same && last !== undefined ? { ok: true, ...last } : { ok: false, current };
    }
    for (const [index, message] of messages.entries()) {
      const record = { stream, revision: current + 1 + index, position: (this.records.length + 1) * STEP, message };
      this.records.push(record);
      for (const follow of this.#followers) follow(record);
    }
    const last = this.records.at(-1);
    return { ok: true, revision: current + messages.length, position: last?.position ?? 0 };
  }

  /** Undefined for a stream that does not exist; throws for a position at which no record begins. */
  select(options: ReadReq.Options): StubRecord[] | undefined {
    const backwards = options.getReadDirection() === streams.ReadReq.Options.ReadDirection.BACKWARDS;
    const ofStream = options.getStream();
    const count = options.hasSubscription() ? Infinity : Number(options.getCount());
    let found = this.records;
    if (ofStream !== undefined) {
      const name = Buffer.from(ofStream.getStreamIdentifier()?.getStreamName_asU8() ?? []).toString();
      found = found.filter(({ stream }) => stream === name);
      if (found.length === 0) return undefined;
      if (ofStream.hasRevision()) {
        const from = Number(ofStream.getRevision());
        found = found.filter(({ revision }) => (backwards ? revision <= from : revision >= from));
      }
    } else {
      const all = options.getAll();
      if (all?.hasPosition() === true) {
        const from = Number(all.getPosition()?.getCommitPosition());
        if (!this.records.some(({ position }) => position === from)) throw new Error('no record begins there');
        const exclusive = backwards || options.hasSubscription();
        found = found.filter(({ position }) =>
          backwards ? position < from : exclusive ? position > from : position >= from,
        );
      }
    }
    return (backwards ? [...found].reverse() : found).slice(0, count);
  }

  /** @returns what ends it */
  follow(follower: (record: StubRecord) => void): () => void {
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }
}

function idOf(message: BatchAppendReq.ProposedMessage | undefined): string | undefined {
  return message?.getId()?.getString();
}

export function eventResponse({ stream, revision, position, message }: StubRecord): ReadResp {
  const event = new streams.ReadResp.ReadEvent.RecordedEvent()
    .setId(uuid(idOf(message) ?? ''))
    .setStreamIdentifier(streamIdentifier(stream))
    .setStreamRevision(String(revision))
    .setCommitPosition(String(position))
    .setPreparePosition(String(position))
    .setData(message.getData_asU8())
    .setCustomMetadata(message.getCustomMetadata_asU8());
  message.getMetadataMap().forEach((value, key) => event.getMetadataMap().set(key, value));
  event.getMetadataMap().set('created', String(1_770_000_000_000n * 10_000n));
  return new streams.ReadResp().setEvent(new streams.ReadResp.ReadEvent().setEvent(event));
}
