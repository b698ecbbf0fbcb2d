import { z } from 'zod';
import { WrongUse } from '../tally/errors.js';
import { QUESTIONS, type Params, type QuestionName } from '../tally/questions.js';
import { decodeCursor } from './cursor.js';

const limit = z.coerce.number().int().min(1).max(10_000).default(1000);

/** What a request asks for: its question's parameters, each checked, and how many rows a page holds. */
export interface Asked<Q extends QuestionName> {
  params: Params<Q>;
  limit: number;
}

/** Reads parameters of a URL or of a JSON body. @throws WrongUse naming the parameter and what is wrong with it. */
export function readAsked<Q extends QuestionName>(question: Q, given: Readonly<Record<string, unknown>>): Asked<Q> {
  const { limit: asked, cursor, ...rest } = given;
  const { params, rows } = QUESTIONS[question];
  if (!rows && (asked !== undefined || cursor !== undefined)) {
    throw new WrongUse(asked === undefined ? 'cursor' : 'limit', 'has no meaning for an answer of one piece');
  }
  if (cursor !== undefined && Object.keys(rest).length > 0) {
    throw new WrongUse(Object.keys(rest)[0]!, 'cannot stand beside a cursor, which holds the whole question');
  }
  const raw = cursor === undefined ? rest : decodeCursor(question, String(cursor));
  for (const key of Object.keys(raw)) {
    if (!Object.hasOwn(params.shape, key)) throw new WrongUse(key, 'is not a parameter of this question');
  }
  return { params: read(params, raw) as Params<Q>, limit: read(z.object({ limit }), { limit: asked }).limit };
}

function read<T extends z.ZodType>(schema: T, raw: unknown): z.output<T> {
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new WrongUse(issue?.path.join('.') || 'parameters', issue?.message ?? 'cannot be read');
}
