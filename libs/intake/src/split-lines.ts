import { createHash, type Hash } from 'node:crypto';
import { isUtf8 } from 'node:buffer';
import { withPauses } from './pauses.js';

/** Longest line that is read, in bytes. */
export const MAX_LINE_BYTES = 1_048_576;

export type InputLine =
  | { kind: 'text'; line: number; text: string }
  | { kind: 'bad'; line: number; reason: string; bytes: number; digestOf: string };

const NEWLINE = 10;
/** After this long without input, the lines that are there are taken in. */
const PAUSE_MS = 250;

/** Whole lines as they came, or a line that is too long to be read. */
export type InputBlock = { kind: 'lines'; bytes: Buffer; firstLine: number } | Extract<InputLine, { kind: 'bad' }>;

/**
 * Bytes that a block of whole lines holds at least, unless the input ends. What is made of a block is alive at one
 * time: larger ones cost more in garbage collection than they save.
 */
const BLOCK_BYTES = 256 * 1024;

/**
 * Cuts a byte stream (LF or CRLF) into blocks of whole lines, numbered from 1. A line over 1 MiB comes as `bad` with
 * its length and the SHA-256 of its bytes; memory stays within one block plus one line.
 */
export async function* blocksOf(input: AsyncIterable<Uint8Array>): AsyncGenerator<InputBlock> {
  let line = 1;
  let parts: Buffer[] = [];
  let bytes = 0;
  /** Bytes since the last line end among `parts`. */
  let open = 0;
  let skipping: { hash: Hash; bytes: number } | undefined;
  const take = (upTo: Buffer): InputBlock => {
    const whole = parts.length === 0 ? upTo : Buffer.concat([...parts, upTo]);
    const block: InputBlock = { kind: 'lines', bytes: whole, firstLine: line };
    line += countLines(whole);
    parts = [];
    bytes = open = 0;
    return block;
  };
  let cut: { error: unknown } | undefined;
  try {
    for await (const raw of withPauses(input, PAUSE_MS)) {
      if (raw === 'pause') {
        if (bytes === open) continue;
        // Somebody types, or a log grows: whole lines do not wait for a block to fill.
        const held = Buffer.concat(parts);
        const end = held.lastIndexOf(NEWLINE) + 1;
        parts = [];
        yield take(held.subarray(0, end));
        if (end < held.length) parts = [held.subarray(end)];
        bytes = open = held.length - end;
        continue;
      }
      let chunk = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
      if (skipping !== undefined) {
        const end = chunk.indexOf(NEWLINE);
        const part = end === -1 ? chunk : chunk.subarray(0, end);
        skipping.hash.update(part);
        skipping.bytes += part.length;
        if (end === -1) continue;
        yield tooLong(line++, skipping.bytes, skipping.hash.digest('hex'));
        skipping = undefined;
        chunk = chunk.subarray(end + 1);
      }
      const last = chunk.lastIndexOf(NEWLINE);
      if (last !== -1 && (bytes + last + 1 >= BLOCK_BYTES || chunk.length - last - 1 + open > MAX_LINE_BYTES)) {
        yield take(chunk.subarray(0, last + 1));
        chunk = chunk.subarray(last + 1);
      }
      if (chunk.length > 0) {
        const end = chunk.lastIndexOf(NEWLINE);
        parts.push(Buffer.from(chunk));
        bytes += chunk.length;
        open = end === -1 ? open + chunk.length : chunk.length - end - 1;
      }
      if (open > MAX_LINE_BYTES) {
        const held = Buffer.concat(parts);
        const start = held.lastIndexOf(NEWLINE) + 1;
        parts = [];
        bytes = open = 0;
        if (start > 0) yield take(held.subarray(0, start));
        skipping = { hash: createHash('sha256').update(held.subarray(start)), bytes: held.length - start };
      }
    }
  } catch (error) {
    // The input broke off: the whole lines before it are given, then the error is told.
    cut = { error };
  }
  if (cut === undefined) {
    if (skipping !== undefined) yield tooLong(line, skipping.bytes, skipping.hash.digest('hex'));
    else if (bytes > 0) yield take(Buffer.alloc(0));
    return;
  }
  // The line that was under way did not end: nobody has sent it yet.
  const held = Buffer.concat(parts);
  const end = held.lastIndexOf(NEWLINE) + 1;
  parts = [];
  if (end > 0) yield take(held.subarray(0, end));
  throw cut.error;
}

/** The lines of a block, each decoded; one that is not UTF-8 comes as `bad`. */
export function linesOfBlock(block: InputBlock): InputLine[] {
  return block.kind === 'bad' ? [block] : linesOf(block.bytes, block.firstLine);
}

/** The last line may lack its end. */
function countLines(bytes: Buffer): number {
  let lines = 0;
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) lines++;
  return bytes.length > 0 && bytes[bytes.length - 1] !== NEWLINE ? lines + 1 : lines;
}

function tooLong(line: number, bytes: number, digestOf: string): Extract<InputLine, { kind: 'bad' }> {
  return { kind: 'bad', line, reason: `is longer than ${MAX_LINE_BYTES} bytes`, bytes, digestOf };
}

function linesOf(block: Buffer, firstLine: number): InputLine[] {
  const text = block.toString('utf8');
  if (text.includes('\uFFFD') && !isUtf8(block)) return linesOfBytes(block, firstLine);
  const pieces = text.split('\n');
  if (pieces[pieces.length - 1] === '') pieces.pop();
  return pieces.map((piece, i) => {
    const one = piece.endsWith('\r') ? piece.slice(0, -1) : piece;
    if (one.length > MAX_LINE_BYTES / 4 && Buffer.byteLength(one) > MAX_LINE_BYTES) {
      return tooLong(firstLine + i, Buffer.byteLength(one), createHash('sha256').update(one).digest('hex'));
    }
    return { kind: 'text', line: firstLine + i, text: one };
  });
}

/** Line by line: some line of the block is not UTF-8, and decoding it would turn different bytes into one character. */
function linesOfBytes(block: Buffer, firstLine: number): InputLine[] {
  const out: InputLine[] = [];
  let from = 0;
  while (from < block.length) {
    const end = block.indexOf(NEWLINE, from);
    const bytes = block.subarray(from, end === -1 ? block.length : end);
    const line = firstLine + out.length;
    if (isUtf8(bytes)) out.push(...linesOf(Buffer.concat([bytes, Buffer.of(NEWLINE)]), line));
    else {
      const digestOf = createHash('sha256').update(bytes).digest('hex');
      out.push({ kind: 'bad', line, reason: 'is not UTF-8', bytes: bytes.length, digestOf });
    }
    from = end === -1 ? block.length : end + 1;
  }
  return out;
}
