import {
  factOf,
  History,
  MemorySource,
  namingSecrets,
  settingsSchema,
  type RecordedFact,
  type Settings,
  type SettingsInput,
} from '#lifecycle';
import { detectFormat, generateTraffic, type JsonObject, type TrafficOptions } from '#sources';
import { ownFact } from '../own-facts.js';
import { Preparer, type Vault } from '../prepare.js';
import type { Prepared, PreparedEvent } from '../prepared.js';
import { MinuteIntake, type OffsetRecord } from './minute-intake.js';

/** For specs: one partition of lines, taken in each use by itself or by the minute, and the histories that they make. */

const SECRETS = namingSecrets(1, Buffer.alloc(32, 1), Buffer.alloc(32, 2));
/** Boxes in clear, so that a spec sees which there are. */
const VAULT: Vault = {
  ensure: () => undefined,
  seal: (_owner, id, content) => ({
    keyId: 'k',
    box: Buffer.from(JSON.stringify([id, content])).toString('base64url'),
  }),
};

/** The senders of CloudEvents in generated traffic; every other format has one source of its name. */
const SENDERS: Readonly<Record<string, string>> = { '/deploys': 'deploys', '/broker': 'broker', '/edge': 'edge' };

export function preparerFor(settings: Settings): Preparer {
  return new Preparer({
    tenant: 'default',
    settings,
    secrets: SECRETS,
    vault: VAULT,
    today: 1,
    source: 'auto',
    route: (record) => {
      const format = detectFormat(record) ?? 'kong';
      return { source: format === 'cloudevents' ? (SENDERS[String(record['source'])] ?? 'edge') : format };
    },
  });
}

/** The same settings with every gateway's uses in one mode. */
export function withUses(settings: SettingsInput, uses: 'each' | 'minute'): Settings {
  const gateways = new Set(['kong', 'envoy', 'apisix', 'tyk', 'apigee', 'edge']);
  const sources = Object.entries(settings.sources ?? {}).map(([name, profile]) => [
    name,
    gateways.has(name) ? { ...profile, uses } : profile,
  ]);
  return settingsSchema.parse({ ...settings, sources: Object.fromEntries(sources) as SettingsInput['sources'] });
}

export function recordsFrom(lines: readonly string[], from = 0): OffsetRecord[] {
  return lines.map((text, i) => ({ offset: BigInt(from + i), text }));
}

/** A whole partition, in fetches of some size; the last range is completed by a record far behind it. */
export function takeAll(lines: readonly string[], settings: Settings, size: number, fetch = 50): Prepared[] {
  const intake = new MinuteIntake(preparerFor(settings), { topic: 'gateway-events', partition: 3 }, size);
  const out: Prepared[] = [];
  for (let at = 0; at < lines.length; at += fetch) {
    out.push(...intake.take(recordsFrom(lines.slice(at, at + fetch), at)).prepared);
  }
  return [...out, ...intake.reach(BigInt(lines.length + size)).prepared];
}

export function eventsOf(prepared: readonly Prepared[]): PreparedEvent[] {
  return prepared.flatMap((each) => (each.kind === 'facts' ? each.events : []));
}

export function historyOf(prepared: readonly Prepared[], settings: Settings, recordedAt: number): History {
  const declared = ownFact({
    type: 'settings.declared',
    tenant: 'default',
    subject: 'settings',
    time: 0,
    data: { settings },
  });
  const facts = [declared, ...eventsOf(prepared)].map((event, i): RecordedFact =>
    factOf({ id: event.id, type: event.type, data: event.data, position: BigInt(i + 1), recordedAt }),
  );
  return new History(new MemorySource(facts));
}

/**
 * Generated traffic in which gateways are busy: each of their lines comes several times more within a minute and a
 * half, as requests of their own.
 */
export function busyTraffic(options: TrafficOptions, times: number): { lines: string[]; settings: SettingsInput } {
  const { lines, settings } = generateTraffic(options);
  const all: { at: number; line: string }[] = [];
  let n = 0;
  for (const { at, line } of lines) {
    all.push({ at, line });
    for (let i = 0; i < times; i++) {
      // Spread without a pattern that minutes could have, the same each time.
      const later = ((++n * 7919) % 90_000) + i;
      const again = laterRequest(JSON.parse(line) as JsonObject, later, `again-${n}`);
      if (again !== undefined) all.push({ at: at + later, line: JSON.stringify(again) });
    }
  }
  return { lines: all.sort((a, b) => a.at - b.at).map(({ line }) => line), settings };
}

/** The same request some ms later under an id of its own; undefined for what is no request at a gateway. */
function laterRequest(record: JsonObject, ms: number, id: string): JsonObject | undefined {
  const later = (field: string): string => new Date(Date.parse(String(record[field])) + ms).toISOString();
  const request = record['request'] as JsonObject;
  switch (detectFormat(record)) {
    case 'kong':
      return { ...record, started_at: Number(record['started_at']) + ms, request: { ...request, id } };
    case 'envoy':
      return { ...record, start_time: later('start_time'), request_id: id };
    case 'tyk':
      return { ...record, timestamp: later('timestamp') };
    case 'apisix': {
      if (record['@timestamp'] !== undefined) return { ...record, '@timestamp': later('@timestamp'), request_id: id };
      const headers = { ...(request['headers'] as JsonObject), 'x-request-id': id };
      return { ...record, start_time: Number(record['start_time']) + ms, request: { ...request, headers } };
    }
    case 'cloudevents':
      return record['source'] === '/edge' ? { ...record, time: later('time'), id } : undefined;
    default:
      return undefined;
  }
}
