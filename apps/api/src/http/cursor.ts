import { z } from 'zod';
import { WrongUse } from '../tally/errors.js';
import type { QuestionName } from '../tally/questions.js';

/** Where an answer goes on: its question with T and K pinned, and the key of the last row that was given. */
const cursorSchema = z.strictObject({
  q: z.string(),
  p: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  a: z.string(),
});

export function encodeCursor(question: QuestionName, params: Record<string, unknown>, after: string): string {
  const pinned = Object.fromEntries(Object.entries(params).filter(([, value]) => value !== undefined));
  return Buffer.from(JSON.stringify({ q: question, p: pinned, a: after })).toString('base64url');
}

/** The parameters that a cursor stands for. @throws WrongUse if it is none, or one of another question. */
export function decodeCursor(question: QuestionName, text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
  } catch {
    value = undefined;
  }
  const read = cursorSchema.safeParse(value);
  if (!read.success || read.data.q !== question) {
    throw new WrongUse(
      'cursor',
      'is not one that this question gave',
      'Use `next` of the page before, at the same path.',
    );
  }
  return { ...read.data.p, after: read.data.a };
}
