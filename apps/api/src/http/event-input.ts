import { unpacked } from '#intake';
import { z } from 'zod';
import type { FastifyRequest } from '../fastify.js';
import { WrongUse } from '../tally/errors.js';
import type { IngestOptions } from '../tally/questions.js';
import { UnknownEncoding } from './errors.js';
import { whileSending, type Patience } from './idle-body.js';
import { jsonRecords } from './json-records.js';
import { bodyOf } from './request-body.js';

const querySchema = z.strictObject({
  tenant: z.string().default('default'),
  /** A source of the settings, a format, or `auto`. */
  source: z.string().default('auto'),
  /** Nothing more will come from these sources: their watermark is the last time that they showed. */
  finished: z
    .enum(['true', 'false'])
    .default('false')
    .transform((text) => text === 'true'),
});

export function readIngestOptions(query: Record<string, unknown>): IngestOptions {
  const parsed = querySchema.safeParse(query);
  if (parsed.success) return { ...parsed.data, what: 'the request body' };
  const [issue] = parsed.error.issues;
  if (issue?.code === 'unrecognized_keys') throw new WrongUse(issue.keys[0]!, 'is not a parameter of this path');
  throw new WrongUse(issue?.path.join('.') || 'parameters', issue?.message ?? 'cannot be read');
}

const LINES = /ndjson|jsonl|json-seq|json-lines/;

/**
 * The body as lines of records. It is read as the ledger takes it in, and not before: a client that is faster waits.
 * @throws UnknownEncoding before anything is read.
 */
export function recordsOf(
  { headers, raw }: Pick<FastifyRequest, 'headers' | 'raw'>,
  patience: Patience,
): AsyncIterable<Uint8Array> {
  const encoding = (headers['content-encoding'] ?? 'identity').toLowerCase();
  if (!['identity', 'gzip', 'x-gzip'].includes(encoding)) throw new UnknownEncoding(encoding);
  const type = (headers['content-type'] ?? '').toLowerCase();
  const isDocument = /json/.test(type) && !LINES.test(type);
  const body = whileSending(bodyOf(raw), patience);
  return isDocument ? jsonRecords(unpacked(body, 'the request body')) : body;
}
