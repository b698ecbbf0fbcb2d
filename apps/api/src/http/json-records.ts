const QUOTE = 34;
const BACKSLASH = 92;
const COMMA = 44;
const SPACE = 32;
const NEWLINE = 10;
const RETURN = 13;
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [91, 93, 123, 125];

/**
 * A JSON document as lines: each element of an outermost array, and each outermost value, becomes one line, so that a
 * batch of any size is read in bounded memory and its n-th record is line n. Bytes are moved, never changed: only line
 * ends between tokens become spaces, and outermost brackets and commas go. What is not JSON comes out as lines that are not.
 */
export async function* jsonRecords(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let depth = 0;
  /** Depth at which an element stands: 1 within an outermost array, else 0. */
  let base = 0;
  let inString = false;
  let escaped = false;
  for await (const chunk of input) {
    const out = Buffer.allocUnsafe(chunk.length * 2);
    let n = 0;
    for (const byte of chunk) {
      if (inString) {
        if (escaped) escaped = false;
        else if (byte === BACKSLASH) escaped = true;
        else if (byte === QUOTE) inString = false;
        out[n++] = byte;
        continue;
      }
      if (byte === NEWLINE || byte === RETURN) {
        if (depth > base) out[n++] = SPACE;
        else if (base === 0) out[n++] = byte;
        continue;
      }
      if (byte === QUOTE) inString = true;
      else if (byte === OPEN_LIST && depth === 0) {
        depth = base = 1;
        continue;
      } else if (byte === CLOSE_LIST && depth === 1 && base === 1) {
        depth = base = 0;
        out[n++] = NEWLINE;
        continue;
      } else if (byte === COMMA && depth === base && base === 1) {
        out[n++] = NEWLINE;
        continue;
      } else if (byte === OPEN_LIST || byte === OPEN_OBJECT) depth++;
      else if ((byte === CLOSE_LIST || byte === CLOSE_OBJECT) && depth > base) depth--;
      out[n++] = byte;
      if (byte === CLOSE_OBJECT && depth === 0) out[n++] = NEWLINE;
    }
    if (n > 0) yield out.subarray(0, n);
  }
}
