import type { Answer } from '../tally/questions.js';

export type RowsAnswer = Extract<Answer, { kind: 'rows' }>;
type Row = Record<string, unknown>;

export interface Page {
  items: Row[];
  /** Key of the last row, if there are more. */
  after?: string;
  /** What is known at the end of the rows. */
  end?: Record<string, unknown>;
}

/** The first rows of an answer; the rest is neither computed nor held. */
export async function pageOf(answer: RowsAnswer, limit: number): Promise<Page> {
  const items: Row[] = [];
  let after = '';
  for await (const row of answer.rows) {
    if (items.length === limit) return { items, after };
    after = answer.keyOf(row, items.length);
    items.push(row);
  }
  const end = answer.end?.();
  return end === undefined ? { items } : { items, end };
}

const CHUNK_CHARACTERS = 32_768;

/**
 * Every row as a line of JSON, then `{"end":{…}}`: who does not see that line has not seen all. An error after the
 * first row is told as a last line `{"error":{…}}` in the words that `tell` gives.
 */
export async function* linesOf(answer: RowsAnswer, tell: (error: unknown) => object): AsyncGenerator<string> {
  let chunk = '';
  try {
    for await (const row of answer.rows) {
      chunk += `${JSON.stringify(row)}\n`;
      if (chunk.length < CHUNK_CHARACTERS) continue;
      yield chunk;
      chunk = '';
    }
    chunk += `${JSON.stringify({ end: answer.end?.() ?? {} })}\n`;
  } catch (error) {
    chunk += `${JSON.stringify({ error: tell(error) })}\n`;
  }
  yield chunk;
}
