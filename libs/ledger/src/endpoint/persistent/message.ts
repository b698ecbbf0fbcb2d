/** Place of an event in what the group follows: the revision in a stream, the position in `$all`. */
export type Place = bigint;

/** An event as its source gives it. The core does not look into `event`. */
export interface SourceEvent<E> {
  /** What a subscriber acknowledges: the id of the link if there is one, else that of the event. */
  id: string;
  place: Place;
  event: E;
}

/** Events in a row that the group's filter left out; `place` is that of the last one. */
export interface LeftOut {
  count: number;
  place: Place;
}

export type SourceItem<E> = SourceEvent<E> | LeftOut;

export function isLeftOut<E>(item: SourceItem<E>): item is LeftOut {
  return 'count' in item;
}

/** Where a message stands among all that the group has to do. */
export interface Order {
  /** Counts up by one an event, left-out ones included. */
  sequence: number;
  /** Place of the event before it; undefined if nothing was before. */
  before: Place | undefined;
}

export interface Message<E> extends SourceEvent<E> {
  /** How often it was given out before. */
  retries: number;
  /** Out of the parked messages: it stands outside the order of places, and no checkpoint waits for it. */
  isReplayed: boolean;
  /** Given when it first leaves the history buffer; never to a replayed one. */
  order?: Order;
}

export function firstTime<E>({ id, place, event }: SourceEvent<E>): Message<E> {
  return { id, place, event, retries: 0, isReplayed: false };
}

export function onceMore<E>(message: Message<E>): Message<E> {
  return { ...message, retries: message.retries + 1 };
}
