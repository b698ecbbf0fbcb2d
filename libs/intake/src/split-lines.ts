import { createHash, type Hash } from 'node:crypto';
import { isUtf8 } from 'node:buffer';

/** Longest line that is read, in bytes. */
export const MAX_LINE_BYTES = 1_048_576;

export type InputLine =
  | { kind: 'text'; line: number; text: string }
  | { kind: 'bad'; line: number; reason: string; bytes: number; digestOf: string };

const NEWLINE = 10;

/**
 * Cuts a byte stream into blocks of lines (LF or CRLF), numbered from 1. A line over 1 MiB or not in UTF-8 comes as
 * `bad` with its length and the SHA-256 of its bytes; memory stays within one chunk plus one line.
 */
export async function* splitLines(input: AsyncIterable<Uint8Array>, firstLine = 1): AsyncGenerator<InputLine[]> {
  let line = firstLine;
  let rest: Buffer[] = [];
  let restBytes = 0;
  let skipping: { hash: Hash; bytes: number } | undefined;
  for await (const raw of input) {
    let chunk = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
    if (skipping !== undefined) {
      const end = chunk.indexOf(NEWLINE);
      const part = end === -1 ? chunk : chunk.subarray(0, end);
      skipping.hash.update(part);
      skipping.bytes += part.length;
      if (end === -1) continue;
      yield [tooLong(line++, skipping.bytes, skipping.hash.digest('hex'))];
      skipping = undefined;
      chunk = chunk.subarray(end + 1);
    }
    const last = chunk.lastIndexOf(NEWLINE);
    if (last !== -1) {
      const block =
        rest.length === 0 ? chunk.subarray(0, last + 1) : Buffer.concat([...rest, chunk.subarray(0, last + 1)]);
      const lines = linesOf(block, line);
      line += lines.length;
      yield lines;
      rest = [];
      restBytes = 0;
      chunk = chunk.subarray(last + 1);
    }
    if (chunk.length > 0) {
      rest.push(Buffer.from(chunk));
      restBytes += chunk.length;
    }
    if (restBytes > MAX_LINE_BYTES) {
      const hash = createHash('sha256');
      for (const part of rest) hash.update(part);
      skipping = { hash, bytes: restBytes };
      rest = [];
      restBytes = 0;
    }
  }
  if (skipping !== undefined) yield [tooLong(line, skipping.bytes, skipping.hash.digest('hex'))];
  else if (restBytes > 0) yield linesOf(Buffer.concat(rest), line);
}

function tooLong(line: number, bytes: number, digestOf: string): InputLine {
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
