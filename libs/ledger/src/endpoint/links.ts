import type { StoredEvent } from '../embedded/stored-event.js';

export const LINK = '$>';

/** What a reader gets: an event, or a link with the event that it points to (absent where that is gone). */
export interface ResolvedEvent {
  event: StoredEvent | undefined;
  link?: StoredEvent;
}

/** The event that stands where the reader reads: the link, if it is one. */
export function originalOf({ event, link }: ResolvedEvent): StoredEvent | undefined {
  return link ?? event;
}

/** Where a link points to: `number@stream`. */
export function targetOf(link: StoredEvent): { stream: string; revision: number } | undefined {
  const text = Buffer.from(link.data).toString();
  const at = text.indexOf('@');
  const number = text.slice(0, Math.max(at, 0));
  if (!/^\d{1,15}$/.test(number) || at === text.length - 1) return undefined;
  return { stream: text.slice(at + 1), revision: Number(number) };
}
