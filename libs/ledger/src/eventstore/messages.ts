import shared from '@eventstore/db-client/generated/shared_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import type { StreamIdentifier, UUID } from '@eventstore/db-client/generated/shared_pb.js';
import type { ReadReq } from '@eventstore/db-client/generated/streams_pb.js';

const { Empty } = shared;
const utf8 = new TextEncoder();
const { Options } = streams.ReadReq;
/** What the client asks for where no limit is given. */
const UNLIMITED = Number.MAX_SAFE_INTEGER;

export type From = 'start' | 'end' | bigint;
export type Direction = 'forwards' | 'backwards';

export function streamIdentifier(stream: string): StreamIdentifier {
  return new shared.StreamIdentifier().setStreamName(utf8.encode(stream));
}

export function uuid(text: string): UUID {
  return new shared.UUID().setString(text);
}

/** Servers answer in either form. */
export function uuidText(id: UUID | undefined): string {
  const structured = id?.getStructured();
  if (structured === undefined) return id?.getString() ?? '';
  const hex = [structured.getMostSignificantBits(), structured.getLeastSignificantBits()]
    .map((bits) => BigInt.asUintN(64, BigInt(bits)).toString(16).padStart(16, '0'))
    .join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

export function readStreamRequest(stream: string, direction: Direction, from: From, count: number): ReadReq {
  const place = new Options.StreamOptions().setStreamIdentifier(streamIdentifier(stream));
  if (typeof from === 'bigint') place.setRevision(String(from));
  else if (from === 'start') place.setStart(new Empty());
  else place.setEnd(new Empty());
  return readRequest((options) => options.setStream(place).setCount(countText(count)), direction);
}

/** Unfiltered: events of the system come too, so that the reader's place moves with the log. */
export function readAllRequest(direction: Direction, from: From, count: number): ReadReq {
  return readRequest((options) => options.setAll(allFrom(from)).setCount(countText(count)), direction);
}

/** @param after exclusive; START (0) is before everything */
export function subscribeRequest(after: bigint): ReadReq {
  const subscription = new Options.SubscriptionOptions();
  return readRequest((options) => options.setAll(allFrom(after)).setSubscription(subscription), 'forwards');
}

function allFrom(from: From): ReadReq.Options.AllOptions {
  const place = new Options.AllOptions();
  if (from === 'start' || from === 0n) return place.setStart(new Empty());
  if (from === 'end') return place.setEnd(new Empty());
  const position = new Options.Position().setCommitPosition(String(from)).setPreparePosition(String(from));
  return place.setPosition(position);
}

function readRequest(fill: (options: ReadReq.Options) => ReadReq.Options, direction: Direction): ReadReq {
  const options = new Options()
    .setUuidOption(new Options.UUIDOption().setString(new Empty()))
    .setNoFilter(new Empty())
    .setResolveLinks(false)
    .setReadDirection(direction === 'forwards' ? Options.ReadDirection.FORWARDS : Options.ReadDirection.BACKWARDS);
  return new streams.ReadReq().setOptions(fill(options));
}

function countText(count: number): string {
  return String(Math.min(count, UNLIMITED));
}
