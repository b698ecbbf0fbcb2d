import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vaultOf, type KafkaRecord, type Place } from '#intake';
import type { Plan } from '#deployments';
import { settingsSchema, type SettingsInput } from '#lifecycle';
import { generateTraffic, type JsonObject } from '#sources';
import { LocalTally } from '../../api/src/tally/local-tally.js';
import { IntakeWork } from './intake-work.js';

/** Just after the last line, so that tokens are alive. */
const NOW = Date.UTC(2026, 2, 10, 11, 2);
/** Requests of the same token, client and address that follow each of Kong's, within 90 s. */
const AGAIN = 6;
const BATCH = 400;
const RANGE = 512;
const traffic = generateTraffic({
  seed: 'plans by the minute',
  sessions: 240,
  minutes: 120,
  formats: ['keycloak', 'kong', 'envoy', 'cloudevents'],
  idTokens: false,
});

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'tally-plans-'))));
afterEach(() => rmSync(folder, { recursive: true }));

/** Lines of each source in order of time, Kong's busier than they were made. */
function linesBySource(): Map<string, string[]> {
  const lines = new Map<string, { at: number; line: string }[]>();
  let n = 0;
  for (const { source, format, at, line } of traffic.lines) {
    const list = lines.get(source) ?? [];
    lines.set(source, list);
    list.push({ at, line });
    if (format !== 'kong') continue;
    const record = JSON.parse(line) as JsonObject & { request: JsonObject };
    for (let i = 0; i < AGAIN; i++) {
      const later = (++n * 7919) % 90_000;
      const request = { ...record.request, id: `again-${n}` };
      const again = { ...record, started_at: Number(record['started_at']) + later, request };
      list.push({ at: at + later, line: JSON.stringify(again) });
    }
  }
  return new Map(
    [...lines].map(([source, list]) => [source, list.sort((a, b) => a.at - b.at).map(({ line }) => line)]),
  );
}

const lines = linesBySource();

/** All of it as a projector reads it from a topic for each source, and what the product then answers. */
async function answersOf(uses: 'each' | 'minute') {
  // One set of names, so that the answers can be compared.
  const options = { access: 'write' as const, purpose: 'test', clock: () => NOW, keys: join(folder, 'keys') };
  const tally = await LocalTally.open(join(folder, uses), options);
  try {
    const { stores } = tally;
    const sources = Object.entries(traffic.settings.sources ?? {}).map(([name, profile]) => [
      name,
      profile.authority === 'gateway' || ['kong', 'envoy'].includes(name) ? { ...profile, uses } : profile,
    ]);
    const declared = { ...traffic.settings, sources: Object.fromEntries(sources) as SettingsInput['sources'] };
    await tally.ask('settings.declare', { settings: declared });
    const settings = settingsSchema.parse(declared);
    const work = new IntakeWork({
      intake: stores.intake!,
      topics: new Map([...lines.keys()].map((source) => [source, { tenant: 'default', source }])),
      settingsOf: async () => settings,
      namingOf: (tenant) => stores.secrets.naming(tenant),
      vault: vaultOf(stores.keys),
      clock: () => NOW,
      rangeSize: RANGE,
    });
    for (const [topic, texts] of lines) {
      const place: Place = { topic, partition: 0, assignment: 1 };
      const records = texts.map((text, i) => recordOf(topic, BigInt(i), text));
      // The record that completes the last range states nothing.
      records.push(recordOf(topic, BigInt(Math.ceil((texts.length + 1) / RANGE) * RANGE), '{}'));
      for (let at = 0; at < records.length; at += BATCH)
        await work.commit(await work.prepare(records.slice(at, at + BATCH), place));
    }
    const plan = await tally.ask('rollback.plan', { component: 'gateway', from: 'v42', to: 'v41' });
    const { events } = work.counts;
    if (plan.kind !== 'value') throw new Error('a plan is a value');
    return { events, plan: plan.value as Plan };
  } finally {
    await tally.close();
  }
}

function recordOf(topic: string, offset: bigint, text: string): KafkaRecord {
  return { topic, partition: 0, offset, timestamp: NOW, key: null, value: Buffer.from(text), headers: {} };
}

it("a rollback plan is the same whether a gateway's uses were kept one by one or by the minute", async () => {
  const each = await answersOf('each');
  const minute = await answersOf('minute');
  expect(minute.events).toBeLessThan(0.7 * each.events);
  expect(each.plan.decisions.length).toBeGreaterThan(10);
  expect(minute.plan.verdict).toBe(each.plan.verdict);
  expect(minute.plan.steps).toEqual(each.plan.steps);
  expect(minute.plan.decisions).toEqual(each.plan.decisions);
  expect(minute.plan.counts).toEqual(each.plan.counts);
  expect(minute.plan.blastRadius).toEqual(each.plan.blastRadius);
});
