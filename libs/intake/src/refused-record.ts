import { createHmac } from 'node:crypto';
import type { Name } from '#lifecycle';
import type { BoxOwner } from '#security';
import type { FoundCredential, JsonObject } from '#sources';
import { uuidOf } from './ids.js';
import type { PrepareOptions } from './prepare.js';
import type { Prepared, Rejection } from './prepared.js';

/** A record without credentials, and those that it held. */
export interface Redacted {
  record: JsonObject;
  credentials: FoundCredential[];
}

/** Why a record is refused. */
export interface Refusal {
  field: string;
  reason: string;
  redrivable: boolean;
  source?: string;
  name?: Name | undefined;
  /** Names of recognised keys, where there is no record. */
  keys?: string[];
  content?: Redacted;
}

export interface Refused {
  why: Refusal;
  /** What its keyed digest is of; never kept. */
  bytes: string;
  length: number;
}

export function deadLetterOwner(
  source = 'unknown',
  { tenant, today }: Pick<PrepareOptions, 'tenant' | 'today'>,
): BoxOwner {
  return { tenant, source: `dead letters of ${source}`, day: today };
}

/** A refused record as a dead letter: nothing of it is in clear (MODEL §9.3). */
export function refusedRecord(
  { line, record, why, bytes, length }: Refused & { line: number; record?: number },
  options: Pick<PrepareOptions, 'tenant' | 'today' | 'secrets' | 'vault' | 'source'>,
): Prepared {
  const { tenant, secrets, vault, source: asked } = options;
  const id = createHmac('sha256', secrets.person).update(`dead letter\n${bytes}`).digest('hex').slice(0, 32);
  const source = why.source ?? (asked === 'auto' ? 'unknown' : asked);
  const rejection: Rejection = { line, field: why.field, reason: why.reason, deadLetter: id };
  if (record !== undefined) rejection.record = record;
  const box =
    why.content === undefined ? undefined : vault.seal(deadLetterOwner(why.source, options), uuidOf(id), why.content);
  return {
    kind: 'rejected',
    rejection,
    letter: {
      id,
      tenant,
      source,
      line,
      field: why.field,
      reason: why.reason,
      length,
      redrivable: why.redrivable && box !== undefined,
      keys: why.keys ?? [],
      ...(why.name === undefined ? {} : { name: why.name }),
      ...(box === undefined ? {} : { box }),
    },
  };
}
