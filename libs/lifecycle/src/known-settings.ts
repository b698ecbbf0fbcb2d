import { createHash } from 'node:crypto';
import { fullType, type RecordedFact } from './observations.js';
import { Resolver, type ConflictKeys, type Distrust } from './resolve.js';
import { NO_SETTINGS, OWN_SOURCE, settingsSchema, type Settings } from './settings.js';
import { World } from './world.js';

/** The settings as known: of the declared ones the latest by effectiveAt, a tie by smallest id (MODEL §4.6). */
export function settingsOf(facts: Iterable<RecordedFact>): {
  settings: Settings;
  digest: string;
  distrusted: Distrust[];
} {
  let best: RecordedFact | undefined;
  const distrusted: Distrust[] = [];
  for (const fact of facts) {
    // Only the operator's own word counts here: a source's authority is itself a setting.
    if (fact.source !== OWN_SOURCE) continue;
    if (fact.type === fullType('settings.declared')) {
      if (best === undefined || fact.time > best.time || (fact.time === best.time && fact.id < best.id)) best = fact;
    } else if (fact.type === fullType('source.distrusted')) {
      distrusted.push({
        source: String(fact.data['source']),
        from: Number(fact.data['from'] ?? -Infinity),
        to: Number(fact.data['to'] ?? Infinity),
      });
    }
  }
  const settings = best === undefined ? NO_SETTINGS : settingsSchema.parse(best.data['settings']);
  distrusted.sort((a, b) => (a.source < b.source ? -1 : a.source > b.source ? 1 : a.from - b.from || a.to - b.to));
  return { settings, digest: digestOf({ settings, distrusted }), distrusted };
}

/** An empty world under given settings. */
export function worldUnder(facts: Iterable<RecordedFact>, conflictKeys: ConflictKeys = new Set<string>()): World {
  const { settings, digest, distrusted } = settingsOf(facts);
  return new World(settings, distrusted, digest, new Resolver(settings, distrusted, conflictKeys));
}

function digestOf(value: unknown): string {
  return createHash('sha256').update(sortedJson(value)).digest('hex').slice(0, 32);
}

function sortedJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
