/** What the pinning strategies look at: the event, or the link where its target is gone. */
export interface Pinnable {
  stream: string;
  type: string;
  data: string | Uint8Array;
  metadata?: string | Uint8Array | undefined;
}

const textOf = (bytes: string | Uint8Array) =>
  typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString('utf8');

/** The stream in which the event was first written, also for a link that is not resolved. */
export function sourceStreamOf(event: Pinnable): string {
  if (event.type !== '$>') return event.stream;
  const target = textOf(event.data);
  return target.slice(target.indexOf('@') + 1);
}

/** `$correlationId` of the metadata; without one, the stream. */
export function correlationOf(event: Pinnable): string {
  try {
    const metadata: unknown = JSON.parse(textOf(event.metadata ?? ''));
    const id = metadata && typeof metadata === 'object' && '$correlationId' in metadata && metadata.$correlationId;
    if (typeof id === 'string') return id;
  } catch {
    // Metadata need not be JSON.
  }
  return sourceStreamOf(event);
}
