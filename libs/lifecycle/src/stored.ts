import type { Names } from './names.js';
import type { Fact, PersonalBox, RecordedFact, RecordRef } from './observations.js';
import { upcast, UPCASTERS, type StoredBody, type Upcasters } from './upcast.js';

/** An event as a ledger gives it back: what `factOf` needs of it. */
export interface StoredEvent {
  id: string;
  /** Full type, such as `tallystick.token.issued.v1`. */
  type: string;
  /** JSON text as `storedJson` wrote it. */
  data: string;
  position: bigint;
  /** In ms. */
  recordedAt: number;
}

/** The bytes of an event are not those of a fact: the ledger is damaged, or another program wrote into it. */
export class UnreadableFactError extends Error {
  readonly code = 'TALLY_FACT_UNREADABLE';
  readonly retry = false;
  readonly remedy = 'check the ledger with a restore of a backup into another directory; nothing was changed';
  readonly facts: { id: string; type: string; position: string };

  constructor(event: StoredEvent, why: string) {
    super(`the event at position ${event.position} ${why}`);
    this.name = 'UnreadableFactError';
    this.facts = { id: event.id, type: event.type, position: String(event.position) };
  }
}

/**
 * A fact as it is stored: one JSON object with its fields in a fixed order, so that the same fact always gives the
 * same bytes; id and type stand beside it in the event. Absent fields cost nothing.
 */
export function storedJson(fact: Fact): string {
  const { source, tenant, subject, time, names, version, gateway, region, api, data, personal, record } = fact;
  return JSON.stringify({
    source,
    tenant,
    subject,
    time,
    names,
    version,
    gateway,
    region,
    api,
    data,
    personal,
    record,
  });
}

/**
 * The fact that an event holds, at the current version of its type; unknown fields are kept.
 * @throws UnreadableFactError for bytes that `storedJson` cannot have written.
 */
export function factOf(event: StoredEvent, upcasters: Upcasters = UPCASTERS): RecordedFact {
  let parsed: unknown;
  try {
    parsed = JSON.parse(event.data);
  } catch {
    throw new UnreadableFactError(event, 'is not JSON');
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new UnreadableFactError(event, 'is not an object');
  }
  // Nearly every event has the current version: the pattern is read only for the others.
  const current = event.type.endsWith('.v1')
    ? { type: event.type, body: parsed as StoredBody }
    : upcast(event.type, parsed as StoredBody, upcasters);
  const { body } = current;
  if (!isFactBody(body)) throw new UnreadableFactError(event, 'is not a fact');
  return Object.assign(body, {
    id: event.id,
    type: current.type,
    position: event.position,
    recordedAt: event.recordedAt,
  });
}

/** The fields without which nothing can be folded; what a type's data must hold was checked when it was written. */
interface FactBody extends StoredBody {
  source: string;
  tenant: string;
  subject: string;
  time: number;
  names: Names;
  data: Record<string, unknown>;
  record: RecordRef;
  personal?: PersonalBox;
  version?: string;
  gateway?: string;
  region?: string;
  api?: string;
}

function isFactBody(body: StoredBody): body is FactBody {
  return (
    typeof body['source'] === 'string' &&
    typeof body['tenant'] === 'string' &&
    typeof body['subject'] === 'string' &&
    typeof body['time'] === 'number' &&
    isObject(body['names']) &&
    isObject(body['data']) &&
    isObject(body['record'])
  );
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}
