import type { IncomingMessage } from 'node:http';
import { BadInput } from '../tally/errors.js';
import { BodyTooLong } from './errors.js';
import { bodyOf } from './request-body.js';

const LIMIT_BYTES = 4 * 1_048_576;

/** A body that is one JSON object: the parameters of a question. An empty one has none. */
export async function readJsonBody(body: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of bodyOf(body)) {
    bytes += chunk.length;
    if (bytes > LIMIT_BYTES) throw new BodyTooLong(LIMIT_BYTES);
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  if (text.trim() === '') return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new BadInput('body', 'is not JSON', 'Send one JSON object with the parameters.');
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw new BadInput('body', 'is not a JSON object', 'Send one JSON object with the parameters.');
}
