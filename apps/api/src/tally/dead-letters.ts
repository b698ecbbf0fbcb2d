import { Account, Preparer, type Prepared, type StoredDeadLetter, uuidOf } from '#intake';
import { FORMATS } from '#lifecycle';
import { openBox } from '#security';
import type { FoundCredential, JsonObject } from '#sources';
import { NotFound } from './errors.js';
import { preparerFor } from './ingest.js';
import type { Answer, ReadParams } from './questions.js';
import { currentSettings } from './settings.js';
import type { Stores } from './stores.js';
import { shown } from './when.js';

export function listDeadLetters(params: ReadParams<'deadletters.list'>, stores: Stores): Answer {
  return {
    kind: 'rows',
    rows: (function* () {
      for (const letter of stores.deadLetters.list(params.tenant, params.after)) yield rowOf(letter);
    })(),
    keyOf: (row) => String(row['id']),
    pinned: {},
  };
}

export function showDeadLetter(params: ReadParams<'deadletters.show'>, stores: Stores): Answer {
  const letter = stores.deadLetters.get(params.tenant, params.id);
  if (letter === undefined) throw new NotFound(`dead letter ${params.id}`, 'See `tally dead-letters list`.');
  const value = { ...rowOf(letter), keys: letter.keys, event: letter.event ?? null, record: null as unknown };
  if (params.personal) value.record = contentOf(letter, stores)?.record ?? null;
  return { kind: 'value', value };
}

/** Reads refused records again under the settings of now; those that are taken in leave the queue. */
export async function redriveDeadLetters(params: ReadParams<'deadletters.redrive'>, stores: Stores): Promise<Answer> {
  const chosen =
    params.id === undefined
      ? [...stores.deadLetters.list(params.tenant)]
      : [stores.deadLetters.get(params.tenant, params.id)];
  if (chosen[0] === undefined && params.id !== undefined)
    throw new NotFound(`dead letter ${params.id}`, 'See `tally dead-letters list`.');
  const settings = await currentSettings(params.tenant, stores);
  const account = new Account();
  const still: { id: string; field: string; reason: string }[] = [];
  let redriven = 0;
  for (const letter of chosen) {
    if (letter === undefined || letter.redrivenAt !== undefined) continue;
    const content = letter.redrivable ? contentOf(letter, stores) : undefined;
    if (content === undefined) {
      still.push({
        id: letter.id,
        field: letter.field,
        reason: letter.redrivable ? 'its content was erased' : letter.reason,
      });
      continue;
    }
    const known =
      (FORMATS as readonly string[]).includes(letter.source) || Object.hasOwn(settings.sources, letter.source);
    const preparer: Preparer = preparerFor(stores, {
      tenant: params.tenant,
      source: known ? letter.source : 'auto',
      settings,
    });
    const prepared: Prepared = preparer.redriven(content.record, content.credentials, letter.line);
    if (prepared.kind === 'rejected') {
      still.push({ id: letter.id, field: prepared.rejection.field, reason: prepared.rejection.reason });
      continue;
    }
    const before = account.report.rejected;
    await stores.intake!.take(once([prepared]), account);
    if (account.report.rejected > before) {
      const { field = '(record)', reason = '' } = account.rejections.at(-1) ?? {};
      still.push({ id: letter.id, field, reason });
      continue;
    }
    stores.deadLetters.markRedriven(letter.id);
    redriven++;
  }
  return {
    kind: 'value',
    value: { redriven, accepted: account.report.accepted, events: account.report.events, stillRejected: still },
  };
}

async function* once<T>(value: T): AsyncGenerator<T> {
  yield value;
}

function contentOf(
  letter: StoredDeadLetter,
  stores: Stores,
): { record: JsonObject; credentials: FoundCredential[] } | undefined {
  if (letter.box === undefined) return undefined;
  const content = openBox(letter.box, uuidOf(letter.id), (keyId) => stores.keys.keyOf(keyId));
  return content as { record: JsonObject; credentials: FoundCredential[] } | undefined;
}

function rowOf(letter: StoredDeadLetter): Record<string, unknown> {
  return {
    id: letter.id,
    firstAt: shown(letter.firstAt),
    lastAt: shown(letter.lastAt),
    times: letter.times,
    source: letter.source,
    line: letter.line,
    topic: letter.from?.topic ?? null,
    partition: letter.from?.partition ?? null,
    offset: letter.from?.offset ?? null,
    field: letter.field,
    reason: letter.reason,
    token: letter.name ?? null,
    length: letter.length,
    redrivable: letter.redrivable,
    redrivenAt: shown(letter.redrivenAt),
  };
}
