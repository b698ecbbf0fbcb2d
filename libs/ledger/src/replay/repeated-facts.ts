import { factOf, type RecordedFact, type RecordRef } from '#lifecycle';
import type { RawRow } from '../embedded/scan.js';

/** A fact that was parsed, with the text that facts like it share. */
interface Pattern {
  /** Up to the digits of the time. */
  head: string;
  /** From after the time up to the record's key: names, version, gateway, region, api, data. */
  middle: string;
  fact: RecordedFact;
}

/** Of an instant of this age, in ms. */
const DIGITS = 13;
const HEX = 32;
const NAMES = ',"names":{';
const RECORD = ',"record":{"key":"';
const BETWEEN = '","digest":"';
const BEFORE_ORDINAL = '","ordinal":';
/** What follows the middle: key, digest and an ordinal of one digit. */
const DIGEST_AT = HEX + BETWEEN.length;
const ORDINAL_AT = DIGEST_AT + HEX + BEFORE_ORDINAL.length;
const TAIL = ORDINAL_AT + '0}}'.length;
/** Patterns of one stream that are remembered, the latest first. */
const KEPT = 4;

/**
 * Reads the facts of streams. Most facts of a token say what an earlier one said, at another time: their text differs
 * in time and record alone, and they share the parsed `names` and `data` of the first, which nothing may change.
 * A replay spends most of its time on parsing without this.
 */
export class RepeatedFacts {
  private patterns: Pattern[] = [];
  private streamId = -1;

  read(row: RawRow): RecordedFact {
    if (row.streamId !== this.streamId) {
      this.streamId = row.streamId;
      this.patterns = [];
    }
    const { data } = row;
    for (const pattern of this.patterns) {
      const { head, middle, fact } = pattern;
      const end = head.length + DIGITS;
      const tail = end + middle.length;
      // Slices compare several times as fast as `startsWith`.
      if (
        data.length === tail + TAIL &&
        row.type === fact.type &&
        data.slice(end, tail) === middle &&
        data.slice(0, head.length) === head &&
        data.startsWith(BETWEEN, tail + HEX) &&
        data.startsWith(BEFORE_ORDINAL, tail + DIGEST_AT + HEX) &&
        data.endsWith('}}')
      ) {
        const time = digitsAt(data, head.length, DIGITS);
        if (time !== undefined && time >= 1e12 && digitsAt(data, tail + ORDINAL_AT, 1) !== undefined)
          return new RepeatedFact(fact, row, time, tail);
      }
    }
    const fact = factOfRow(row);
    this.learn(row, fact);
    return fact;
  }

  /** Only where the text is to the letter what `storedJson` writes, with a time and a record of the usual lengths. */
  private learn({ data, type }: RawRow, fact: RecordedFact): void {
    // Other versions of a type are brought to the current one field by field.
    if (type !== fact.type || fact.personal !== undefined) return;
    const texts = [fact.source, fact.tenant, fact.subject].map((text) => JSON.stringify(text));
    const head = `{"source":${texts[0]},"tenant":${texts[1]},"subject":${texts[2]},"time":`;
    const end = head.length + DIGITS;
    const tail = data.length - TAIL;
    const { key, digest, ordinal } = fact.record;
    if (
      data.slice(0, head.length) === head &&
      digitsAt(data, head.length, DIGITS) === fact.time &&
      data.startsWith(NAMES, end) &&
      data.endsWith(`${RECORD}${key}${BETWEEN}${digest}${BEFORE_ORDINAL}${ordinal}}}`) &&
      key.length === HEX &&
      digest.length === HEX &&
      ordinal < 10
    ) {
      if (this.patterns.length === KEPT) this.patterns.pop();
      this.patterns.unshift({ head, middle: flat(data.slice(end, tail)), fact });
    }
  }
}

/** A number of so many digits; undefined where something else stands. */
function digitsAt(text: string, from: number, digits: number): number | undefined {
  let value = 0;
  for (let at = from; at < from + digits; at++) {
    const digit = text.charCodeAt(at) - 48;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  return value;
}

/** A fact that shares what a known one says; what few ask for is read from the row when it is asked for. */
class RepeatedFact implements RecordedFact {
  readonly type: string;
  readonly source: string;
  readonly tenant: string;
  readonly subject: string;
  readonly names: RecordedFact['names'];
  readonly data: RecordedFact['data'];
  readonly recordedAt: number;
  declare readonly version?: string;
  declare readonly gateway?: string;
  declare readonly region?: string;
  declare readonly api?: string;

  constructor(
    known: RecordedFact,
    private readonly row: RawRow,
    readonly time: number,
    private readonly tail: number,
  ) {
    this.type = known.type;
    this.source = known.source;
    this.tenant = known.tenant;
    this.subject = known.subject;
    this.names = known.names;
    this.data = known.data;
    this.recordedAt = row.recordedAt;
    if (known.version !== undefined) this.version = known.version;
    if (known.gateway !== undefined) this.gateway = known.gateway;
    if (known.region !== undefined) this.region = known.region;
    if (known.api !== undefined) this.api = known.api;
  }

  get id(): string {
    return idOf(this.record);
  }

  get record(): RecordRef {
    const { data } = this.row;
    const digestAt = this.tail + DIGEST_AT;
    return {
      key: data.slice(this.tail, this.tail + HEX),
      digest: data.slice(digestAt, digestAt + HEX),
      ordinal: data.charCodeAt(this.tail + ORDINAL_AT) - 48,
    };
  }

  get position(): bigint {
    return BigInt(this.row.position);
  }
}

/** A copy that is no slice of a longer text: slices are compared more slowly, and keep that text in memory. */
function flat(slice: string): string {
  return Buffer.from(slice).toString();
}

/** The record's own key stands for the id: equal for equal events, and a replay needs no more. */
export function factOfRow(row: RawRow): RecordedFact {
  const fact = factOf({
    id: '',
    type: row.type,
    data: row.data,
    position: BigInt(row.position),
    recordedAt: row.recordedAt,
  });
  fact.id = idOf(fact.record);
  return fact;
}

function idOf({ key, digest, ordinal }: RecordRef): string {
  return `${key}${digest}${ordinal}`;
}
