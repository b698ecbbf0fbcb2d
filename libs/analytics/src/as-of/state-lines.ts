import type { Name } from '#lifecycle';

const ONE = '1'.charCodeAt(0);
const DIGITS = 32;

/** The rows of a page's statement: state lines, and the names of those that the core must judge. */
export function readPage(text: string): { lines: string[]; judge: Name[] } {
  const lines: string[] = [];
  const judge: Name[] = [];
  for (let from = 0; from < text.length;) {
    const to = text.indexOf('\n', from);
    if (text.charCodeAt(to - 1) === ONE) judge.push(text.slice(from, from + DIGITS));
    else lines.push(`${text.slice(from, to - '\t0'.length)}\n`);
    from = to + 1;
  }
  return { lines, judge };
}

/** Lines in order of name, out of two lists that are. */
export function mergeSorted(a: string[], b: readonly string[]): string[] {
  if (b.length === 0) return a;
  const out: string[] = [];
  let i = 0;
  for (const line of b) {
    while (i < a.length && a[i]! < line) out.push(a[i++]!);
    out.push(line);
  }
  while (i < a.length) out.push(a[i++]!);
  return out;
}

/** The lines of a text, each with its newline. */
export function* linesOf(text: string): Iterable<string> {
  for (let from = 0; from < text.length;) {
    const to = text.indexOf('\n', from) + 1;
    yield text.slice(from, to);
    from = to;
  }
}
