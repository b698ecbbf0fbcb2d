import type { RawRow } from '#ledger';
import type { RecordRef } from '#lifecycle';

/** What a stored fact is, read from its text without parsing it. */
export interface StoredText {
  /** Everything that it says but its time, its record and its personal data. */
  shape: string;
  time: number;
  record: RecordRef;
}

const TIME = ',"time":';
const NAMES = ',"names":{';
const PERSONAL = ',"personal":{"keyId":"';
/** Keys of personal data are flat texts. */
const WHOLE_PERSONAL = /^,"personal":\{"keyId":"[^"\\]*","box":"[^"\\]*"\}$/;
const RECORD = /,"record":\{"key":"([0-9a-f]{32})","digest":"([0-9a-f]{32})","ordinal":(\d{1,9})\}\}$/;
/** The record is the end of the text, and no longer than this. */
const RECORD_LENGTH = 130;

/**
 * Reads a text that is to the letter what `storedJson` writes; undefined for any other: it must be parsed. The first
 * `,"names":{` is that of the fact itself, for before it stand texts alone, in which every quote is escaped.
 */
export function readStoredText({ type, data }: RawRow): StoredText | undefined {
  const names = data.indexOf(NAMES);
  const at = data.lastIndexOf(TIME, names);
  const record = RECORD.exec(data.slice(-RECORD_LENGTH));
  if (names === -1 || at === -1 || record === null) return undefined;
  const time = Number(data.slice(at + TIME.length, names));
  if (!Number.isSafeInteger(time)) return undefined;
  const end = data.length - record[0].length;
  const personal = data.lastIndexOf(PERSONAL, end);
  const until = personal > names && WHOLE_PERSONAL.test(data.slice(personal, end)) ? personal : end;
  return {
    shape: `${type}\n${data.slice(0, at)}${data.slice(names, until)}`,
    time,
    record: { key: record[1]!, digest: record[2]!, ordinal: Number(record[3]) },
  };
}
