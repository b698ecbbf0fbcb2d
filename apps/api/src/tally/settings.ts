import { History, profileOf, RULES_VERSION, settingsSchema, type Settings } from '#lifecycle';
import { ownFact } from '#intake';
import { LedgerHistory } from '#ledger';
import { dayOf } from '#security';
import { BadInput } from './errors.js';
import type { Frames } from './frames.js';
import type { Answer, ReadParams } from './questions.js';
import type { Stores } from './stores.js';

/** The settings that new input is read with: the declared ones at the head. */
export async function currentSettings(tenant: string, stores: Stores): Promise<Settings> {
  const source = new LedgerHistory(stores.scan, tenant, await stores.ledger.head());
  return new History({ ...bare(source) }).world.settings;
}

/**
 * Destroys the day keys that are past their retention (MODEL §2.6). Done when a directory is opened for writing and
 * daily while `tally up` runs; without a declared retention nothing is destroyed.
 */
export async function applyRetention(stores: Stores): Promise<number> {
  let destroyed = 0;
  for (const tenant of stores.secrets.tenants()) {
    const keep = (await currentSettings(tenant, stores)).retention.personalWithoutSubject;
    if (keep !== undefined) destroyed += stores.keys.destroyDayKeysBefore(tenant, dayOf(stores.clock() - keep));
  }
  return destroyed;
}

/** A history's settings need its world facts alone. */
function bare(source: LedgerHistory): ConstructorParameters<typeof History>[0] {
  return {
    worldFacts: () => source.worldFacts(),
    linkFacts: () => [],
    conflictKeys: () => new Set<string>(),
    streams: () => [],
    factsOf: () => [],
    clocks: () => source.clocks(),
  };
}

export async function showSettings(params: ReadParams<'settings.show'>, frames: Frames): Promise<Answer> {
  const frame = await frames.frame(params);
  const { settings, settingsDigest } = frame.history.world;
  const seen = [...frames.sightingsOf(frame).clocks.clocks.keys()];
  const names = [...new Set([...Object.keys(settings.sources), ...seen])].sort();
  return {
    kind: 'value',
    value: {
      settings,
      digest: settingsDigest,
      rules: RULES_VERSION,
      knownAt: frame.knownAt,
      /** What each source is taken for, its defaults filled in; `assumed` where the settings do not name it. */
      profiles: names.map((name) => profileOf(settings, name)).filter((profile) => profile !== undefined),
    },
  };
}

/** Reads a settings document; every fault is named by its path. */
export function readSettings(document: unknown): Settings {
  const parsed = settingsSchema.safeParse(document);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `${issue.path.join('.') || '(document)'} ${issue.message}`);
    throw new BadInput('settings', faults.join('; '), 'Mend these fields; nothing was recorded.');
  }
  if (Object.hasOwn(parsed.data.sources, 'tally')) {
    throw new BadInput('settings', 'sources.tally is the name of the product itself', 'Call the source otherwise.');
  }
  return parsed.data;
}

export async function checkSettings(params: ReadParams<'settings.check'>, stores: Stores): Promise<Answer> {
  const settings = readSettings(params.settings);
  const before = await currentSettings(params.tenant, stores);
  return { kind: 'value', value: { valid: true, changes: differences(before, settings), settings } };
}

export async function declareSettings(params: ReadParams<'settings.declare'>, stores: Stores): Promise<Answer> {
  const settings = readSettings(params.settings);
  const before = await currentSettings(params.tenant, stores);
  const changes = differences(before, settings);
  const data: Record<string, unknown> = { settings: params.settings };
  if (params.by !== undefined) data['by'] = params.by;
  const fact = ownFact({
    type: 'settings.declared',
    tenant: params.tenant,
    subject: params.tenant,
    time: stores.clock(),
    data,
  });
  const recorded = changes.length === 0 ? 0 : await stores.intake!.state([fact]);
  return { kind: 'value', value: { recorded: recorded > 0, changes } };
}

/** Paths whose values differ, as `sources.keycloak.refreshTokens`. */
export function differences(before: unknown, after: unknown, path = ''): string[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  if (!isObject(before) || !isObject(after)) return [path];
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return keys.flatMap((key) => differences(before[key], after[key], path === '' ? key : `${path}.${key}`));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
