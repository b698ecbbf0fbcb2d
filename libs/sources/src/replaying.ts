import { createHash } from 'node:crypto';
import {
  fullType,
  History,
  lengthPrefixed,
  MemorySource,
  nameOf,
  nameOfRawToken,
  nameOfTokenDigest,
  namingSecrets,
  OWN_SOURCE,
  placementOf,
  profileOf,
  settingsSchema,
  type Names,
  type RecordedFact,
  type SettingsInput,
} from '#lifecycle';
import type { Draft, JsonObject, Reading } from './adapter.js';
import { aliasOf } from './alias.js';
import type { Identity, TrafficLine } from './generate/index.js';
import { redact } from './redact.js';
import { ADAPTERS } from './registry.js';

/** For specs: reads generated lines as the intake does, in memory, and gives the history that they make. */
export const SECRETS = namingSecrets(1, Buffer.alloc(32, 1), Buffer.alloc(32, 2));
const hash = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 32);

export function readLine(line: TrafficLine, settings: SettingsInput): Reading {
  const adapter = ADAPTERS[line.format];
  const profile = profileOf(settingsSchema.parse(settings), line.source)!;
  const { record, credentials } = redact(
    JSON.parse(line.line) as JsonObject,
    (raw) => nameOfRawToken(SECRETS, raw),
    adapter.redaction,
  );
  return adapter.read(record, {
    profile,
    credentials,
    name: (kind, ...parts) => nameOf(SECRETS, kind, ...parts),
    nameOfDigest: (sha256) => nameOfTokenDigest(SECRETS, sha256),
  });
}

export function historyOf(lines: Iterable<TrafficLine>, settings: SettingsInput, recordedAt: number) {
  const facts: RecordedFact[] = [];
  const readings = new Map<Reading['kind'], number>();
  const add = (draft: Draft, source: string, record: RecordedFact['record'], subject?: string) => {
    facts.push({
      ...draft,
      id: hash(`${record.key} ${record.digest} ${record.ordinal}`),
      type: fullType(draft.type),
      source,
      tenant: 'default',
      subject: subject ?? draft.subject ?? placementOf(draft.names) ?? '',
      record,
      position: BigInt(facts.length),
      recordedAt,
    });
  };
  const parsed = settingsSchema.parse(settings);
  const declared: Draft = {
    type: 'settings.declared',
    time: 0,
    subject: 'settings',
    names: {},
    data: { settings: parsed },
  };
  add(declared, OWN_SOURCE, { key: 's', digest: 's', ordinal: 0 });
  for (const line of lines) {
    const reading = readLine(line, settings);
    readings.set(reading.kind, (readings.get(reading.kind) ?? 0) + 1);
    if (reading.kind !== 'facts') continue;
    const key = hash(`${line.source}\n${reading.sourceId}`);
    const digest = hash(lengthPrefixed(reading.dedupe));
    reading.drafts.forEach((draft, ordinal) => {
      add(draft, line.source, { key, digest, ordinal });
      const alias = aliasOf(draft.names, draft.data, profileOf(parsed, line.source)!);
      if (!alias) return;
      const [center, tok] = alias.names;
      const names: Names = alias.pair === 'jti-tok' ? { jti: center, tok } : { cred: center, tok };
      const aliasKey = hash(`${line.source} ${center} ${tok}`);
      const joined: Draft = { type: 'token.aliased', time: draft.time, names, data: { pair: alias.pair } };
      alias.names.forEach((name, i) => add(joined, line.source, { key: aliasKey, digest: aliasKey, ordinal: i }, name));
    });
  }
  return { facts, readings, history: new History(new MemorySource(facts)) };
}

/** The name under which the ledger knows a token of the truth. */
export function nameOfIdentity({ issuer, jti, sha256, credential }: Identity): string {
  if (issuer !== undefined && jti !== undefined) return nameOf(SECRETS, 'jti', issuer, jti);
  if (sha256 !== undefined) return nameOf(SECRETS, 'tok', sha256);
  return nameOf(SECRETS, 'cred', ...(credential ?? []));
}
