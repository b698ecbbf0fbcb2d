import { factOf, formatTime, type RecordedFact } from '#lifecycle';
import type { RecordedEvent } from '#ledger';
import type { Answer, ReadParams } from './questions.js';
import type { Stores } from './stores.js';
import { decodePosition, encodePosition, parseKnownAt } from './when.js';

/** The whole ledger of a tenant in order of position, one CloudEvent a row; personal boxes stay sealed. */
export async function exportLedger(params: ReadParams<'export'>, stores: Stores): Promise<Answer> {
  const known = params.asKnownAt === undefined ? undefined : parseKnownAt(params.asKnownAt);
  const head = await stores.ledger.head();
  const to = known !== undefined && 'position' in known && known.position < head ? known.position : head;
  const until = known !== undefined && 'time' in known ? known.time : Infinity;
  const after = params.after === undefined ? 0n : decodePosition(params.after);
  let events = 0;
  async function* rows(): AsyncGenerator<Record<string, unknown>> {
    let latest = -Infinity;
    for await (const event of stores.ledger.readAll({ from: after === 0n ? 'start' : after, to })) {
      if (event.position === after && after !== 0n) continue;
      latest = Math.max(latest, event.recordedAt);
      if (latest > until) return;
      const fact = factOf(event);
      if (fact.tenant !== params.tenant) continue;
      events++;
      yield cloudEventOf(fact, event);
    }
  }
  return {
    kind: 'rows',
    rows: rows(),
    keyOf: (row) => String(row['position']),
    pinned: { asKnownAt: `position:${encodePosition(to)}` },
    end: () => ({ events, position: encodePosition(to) }),
  };
}

/** CloudEvents 1.0, JSON format; `stream`, `revision`, `position`, `recordedat` say where it lies in the ledger. */
function cloudEventOf(fact: RecordedFact, event: RecordedEvent): Record<string, unknown> {
  const { names, version, gateway, region, api, data, personal, record } = fact;
  return {
    specversion: '1.0',
    id: fact.id,
    source: fact.source,
    type: fact.type,
    subject: fact.subject,
    time: formatTime(fact.time),
    datacontenttype: 'application/json',
    tenant: fact.tenant,
    partitionkey: fact.subject,
    stream: event.stream,
    revision: String(event.revision),
    position: encodePosition(event.position),
    recordedat: formatTime(event.recordedAt),
    data: { ...data, names, ...defined({ version, gateway, region, api, personal, record }) },
  };
}

function defined(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
