import type { OlderIdentity, Prepared, PreparedEvent } from './prepared.js';

/**
 * A batch on its way between threads, by column: the serialiser writes each object's field names anew, and a batch
 * has thousands of objects of two shapes.
 */
export interface PackedBatch {
  /** Records without events, as they are, with their place. */
  others: [number, Prepared][];
  size: number;
  lines: number[];
  places: number[];
  sources: string[];
  keys: string[];
  digests: string[];
  olders: (OlderIdentity[] | undefined)[];
  highs: number[];
  records: (number | undefined)[];
  counts: number[];
  ids: string[];
  streams: string[];
  types: string[];
  data: string[];
  links: boolean[];
  onces: (string | undefined)[];
}

export function packBatch(batch: readonly Prepared[]): PackedBatch {
  const packed: PackedBatch = {
    others: [],
    size: batch.length,
    lines: [],
    places: [],
    sources: [],
    keys: [],
    digests: [],
    olders: [],
    highs: [],
    records: [],
    counts: [],
    ids: [],
    streams: [],
    types: [],
    data: [],
    links: [],
    onces: [],
  };
  batch.forEach((prepared, place) => {
    if (prepared.kind !== 'facts') {
      packed.others.push([place, prepared]);
      return;
    }
    packed.places.push(place);
    packed.lines.push(prepared.line);
    packed.sources.push(prepared.source);
    packed.keys.push(prepared.key);
    packed.digests.push(prepared.digest);
    packed.olders.push(prepared.older);
    packed.highs.push(prepared.high);
    packed.records.push(prepared.records);
    packed.counts.push(prepared.events.length);
    for (const event of prepared.events) {
      packed.ids.push(event.id);
      packed.streams.push(event.stream);
      packed.types.push(event.type);
      packed.data.push(event.data);
      packed.links.push(event.links);
      packed.onces.push(event.once);
    }
  });
  return packed;
}

export function unpackBatch(packed: PackedBatch): Prepared[] {
  const batch = new Array<Prepared>(packed.size);
  for (const [place, prepared] of packed.others) batch[place] = prepared;
  let at = 0;
  packed.places.forEach((place, i) => {
    const events: PreparedEvent[] = [];
    for (let n = packed.counts[i]!; n > 0; n--, at++) {
      const once = packed.onces[at];
      const event: PreparedEvent = {
        id: packed.ids[at]!,
        stream: packed.streams[at]!,
        type: packed.types[at]!,
        data: packed.data[at]!,
        links: packed.links[at]!,
      };
      if (once !== undefined) event.once = once;
      events.push(event);
    }
    const records = packed.records[i];
    const older = packed.olders[i];
    batch[place] = {
      kind: 'facts',
      line: packed.lines[i]!,
      source: packed.sources[i]!,
      key: packed.keys[i]!,
      digest: packed.digests[i]!,
      high: packed.highs[i]!,
      ...(older !== undefined && { older }),
      ...(records !== undefined && { records }),
      events,
    };
  });
  return batch;
}
