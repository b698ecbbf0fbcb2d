import { formatTime } from '#lifecycle';

export type AnswerRow = Record<string, unknown>;

/** What `JSONCompact` gives. */
export interface CompactAnswer {
  meta: { name: string; type: string }[];
  data: unknown[][];
}

const NO_NAME = '00000000000000000000000000000000';

/**
 * Rows as people and programs read them: names as 32 hex digits, null for none; instants as ISO text; 64-bit numbers
 * as numbers where JSON holds them exactly, else as text; truths as such.
 * @param times columns that hold milliseconds since 1970
 */
export function answerRows({ meta, data }: CompactAnswer, times: readonly string[] = []): AnswerRow[] {
  const readers = meta.map(({ name, type }) => (times.includes(name) ? instantOf : readerOf(type)));
  return data.map((cells) => Object.fromEntries(meta.map(({ name }, i) => [name, readers[i]!(cells[i])])));
}

type Reader = (cell: unknown) => unknown;

function readerOf(type: string): Reader {
  const inner = /^(?:Nullable|LowCardinality)\((.+)\)$/.exec(type);
  if (inner !== null) return readerOf(inner[1]!);
  const list = /^Array\((.+)\)$/.exec(type);
  if (list !== null) {
    const reader = readerOf(list[1]!);
    return (cell) => (Array.isArray(cell) ? cell.map(reader) : cell);
  }
  if (type === 'UUID') return nameOf;
  if (/^U?Int(64|128|256)$/.test(type)) return integerOf;
  // Composites (tuples, maps) keep their form; names within them lose their dashes.
  if (type.includes('UUID')) return namesWithin;
  return (cell) => cell;
}

function nameOf(cell: unknown): unknown {
  if (typeof cell !== 'string') return cell;
  const digits = cell.replaceAll('-', '');
  return digits === NO_NAME ? null : digits;
}

function integerOf(cell: unknown): unknown {
  if (typeof cell !== 'string') return cell;
  const number = Number(cell);
  return Number.isSafeInteger(number) ? number : cell;
}

function instantOf(cell: unknown): unknown {
  const at = integerOf(cell);
  if (typeof at !== 'number') return at ?? null;
  return Math.abs(at) <= 8.64e15 ? formatTime(at) : at;
}

function namesWithin(cell: unknown): unknown {
  if (typeof cell === 'string') {
    return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(cell) ? cell.replaceAll('-', '') : cell;
  }
  if (Array.isArray(cell)) return cell.map(namesWithin);
  if (cell === null || typeof cell !== 'object') return cell;
  return Object.fromEntries(Object.entries(cell).map(([key, value]) => [namesWithin(key), namesWithin(value)]));
}
