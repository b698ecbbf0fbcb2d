import { causesAt, kindOfName, versionOfName, type History, type Name, type TokenView } from '#lifecycle';
import type { RecordedFact } from '#lifecycle';
import type { Frame } from './frame.js';
import { inTurns } from './turns.js';
import { shown } from './when.js';

/** Why a version of naming secrets cannot be retired yet. */
export interface Need {
  what: 'tokens' | 'subjects' | 'keys' | 'legal holds' | 'families and fences' | 'erasures';
  count: number;
  reason: string;
  /** When it ends by itself, in ms; undefined: never, unless the thing is seen again and so renamed. */
  until?: number;
}

/**
 * What is known only under one version of the secrets and may still be asked about: a token that has not expired, and
 * what restricts tokens that may yet come. What was seen again since the rotation has a new name and needs the old
 * secret no more. Revoked tokens count: their use after that is what must be found.
 */
export async function needsOf(version: number, frame: Frame, erased: readonly Name[]): Promise<Need[]> {
  const { history } = frame;
  const { T } = frame.cut;
  const isOnlyThere = (name: Name | undefined): boolean =>
    name !== undefined && versionOfName(name) === version && history.links.current(name) === name;
  const living = { count: 0, unending: 0, until: T };
  let longest = 0;
  for await (const { view } of inTurns(history.views(frame.cut, [], { order: 'any' }))) {
    if (view.kind === 'consumer') continue;
    const { expiry } = view;
    if (expiry.kind === 'at') longest = Math.max(longest, (expiry.at ?? 0) - (view.birth ?? view.firstSeen));
    if (expiry.kind === 'at' && (expiry.at ?? 0) <= T) continue;
    if (!namesOf(view, history).some(isOnlyThere)) continue;
    living.count++;
    if (expiry.kind === 'at') living.until = Math.max(living.until, expiry.at ?? 0);
    else living.unending++;
  }
  const needs: Need[] = [];
  if (living.unending > 0) {
    const reason = `${living.unending} of ${living.count} tokens have no known expiry and keep it until they are seen again`;
    needs.push({ what: 'tokens', count: living.count, reason });
  } else if (living.count > 0) {
    const reason = `${living.count} tokens have not expired; the longest-living does at ${shown(living.until)}`;
    needs.push({ what: 'tokens', count: living.count, reason, until: living.until });
  }
  needs.push(...restrictions(history, T, longest, isOnlyThere));
  const forgotten = erased.filter(isOnlyThere).length;
  if (forgotten > 0) {
    const reason = `${forgotten} erased persons are recognised by it alone, and must stay erased`;
    needs.push({ what: 'erasures', count: forgotten, reason });
  }
  return needs;
}

/** Every name by which a later line could be joined to this token. */
function namesOf(view: TokenView, { links }: History): Name[] {
  const grants = view.family === undefined ? [] : links.grantsOf(view.family);
  const about = [view.subject, view.client, view.consumer, view.credential, view.kidName, view.parent];
  return [...view.names, ...view.sessions, ...grants, ...about.filter((name) => name !== undefined)];
}

/** What restricts tokens that may yet be seen for the first time. */
function restrictions(
  history: History,
  T: number,
  longest: number,
  isOnlyThere: (name: Name | undefined) => boolean,
): Need[] {
  const { world } = history;
  const suspended = [...world.subjects].filter(([sub, causes]) => isOnlyThere(sub) && causesAt(causes, T).length > 0);
  const compromised = new Set<Name>();
  const held = new Set<Name>();
  let [ends, until] = [0, T];
  for (const fact of history.source.worldFacts()) {
    const named = namesIn(fact);
    if (!named.some(isOnlyThere)) continue;
    const kind = fact.type.split('.').slice(1, 3).join('.');
    if (kind === 'key.compromised') compromised.add(fact.names.kid ?? fact.subject);
    if (kind === 'legalhold.placed') for (const sub of named) if (world.holds.standsFor(sub, T)) held.add(sub);
    if (kind === 'fence.raised' || kind === 'family.revoked') {
      // A token that it hits was born before, and lives no longer than any that is known.
      const end = Math.max(fact.time, Number(fact.data['cutoff'] ?? 0)) + longest;
      if (end <= T) continue;
      ends++;
      until = Math.max(until, end);
    }
  }
  const needs: Need[] = [];
  const add = (what: Need['what'], count: number, reason: string, end?: number): void => {
    if (count > 0) needs.push({ what, count, reason: `${count} ${reason}`, ...(end !== undefined && { until: end }) });
  };
  add('subjects', suspended.length, 'suspended persons are recognised by it alone');
  add('keys', compromised.size, 'compromised keys are recognised by it alone');
  add('legal holds', held.size, 'persons under a legal hold are recognised by it alone');
  const last = `ended families and fences may still reach a token that is not seen yet, until ${shown(until)}`;
  add('families and fences', ends, last, until);
  return needs;
}

function namesIn({ names, data }: RecordedFact): Name[] {
  const match = typeof data['match'] === 'object' && data['match'] !== null ? Object.values(data['match']) : [];
  const all: unknown[] = [...Object.values(names), ...match, data['sub']];
  return all.filter(
    (name): name is Name => typeof name === 'string' && kindOfName(name) !== undefined && name.length === 32,
  );
}
