import type { OffsetRecord } from '#intake';

/** Records on their way to another thread, by column, as `packBatch` does it with what comes back. */
export interface PackedRecords {
  offsets: BigInt64Array;
  /** Empty where there is none. */
  texts: string[];
  /** Why a record has no text, by its place. */
  bad: Map<number, Extract<OffsetRecord, { bad: unknown }>['bad']>;
}

export function packRecords(records: readonly OffsetRecord[]): PackedRecords {
  const offsets = new BigInt64Array(records.length);
  const texts: string[] = [];
  const bad: PackedRecords['bad'] = new Map();
  records.forEach((record, i) => {
    offsets[i] = record.offset;
    texts.push('text' in record ? record.text : '');
    if ('bad' in record) bad.set(i, record.bad);
  });
  return { offsets, texts, bad };
}

export function unpackRecords({ offsets, texts, bad }: PackedRecords): OffsetRecord[] {
  return texts.map((text, i): OffsetRecord => {
    const why = bad.get(i);
    const offset = offsets[i]!;
    return why === undefined ? { offset, text } : { offset, bad: why };
  });
}
