import { createHash } from 'node:crypto';
import type { Contract } from './contract.js';
import type { Name } from './names.js';
import { fullType, type RecordedFact } from './observations.js';
import { OWN_SOURCE, Resolver, type Distrust, type ResolvedFact } from './resolve.js';
import { NO_SETTINGS, settingsSchema, type Authority, type Settings } from './settings.js';
import type { Toggle } from './state.js';

/** Version of the rules that compute states and findings; part of every answer. */
export const RULES_VERSION = '1';

export interface Fence {
  cutoff: number;
  /** When the fence was raised: from here on it holds. */
  at: number;
  cause: string;
  authority: Authority;
  match: { sub?: Name; cli?: Name; kid?: Name; ses?: Name; tokenKind?: string; offline?: boolean };
}

export interface FamilyEnd {
  at: number;
  cause: string;
  authority: Authority;
  version?: string;
}

export interface KeyFacts {
  kid?: string;
  published?: number;
  activated?: number;
  retired?: number;
  removed?: number;
  distrusted?: number;
  compromised?: number;
  alg?: string;
  symmetric?: boolean;
}

/**
 * What is known, at K, about everything that is not one token: settings, families' ends, subjects, fences, keys,
 * contracts, distrust, gaps. Built from the facts of those streams in any order.
 */
export class World {
  readonly familyEnds = new Map<Name, FamilyEnd[]>();
  readonly reuseReports = new Map<Name, { at: number; token?: Name; source: string }[]>();
  readonly subjects = new Map<Name, Map<string, Toggle[]>>();
  readonly keys = new Map<Name, KeyFacts>();
  /** Latest declared contract per `component\nversion`. */
  readonly contracts = new Map<string, { contract: Contract | undefined; at: number; id: string }>();
  readonly deployments: ResolvedFact[] = [];
  readonly closed = new Map<string, number>();
  readonly gaps = new Map<string, { from: number; to: number; closed: boolean }[]>();
  readonly holds = new Map<Name, string[]>();
  private readonly fences = new Map<Name, Fence[]>();
  private fenceCount = 0;

  constructor(
    readonly settings: Settings,
    readonly distrusted: readonly Distrust[],
    readonly settingsDigest: string,
    /** Which component's versions a source stamps. */
    readonly resolver: Resolver,
  ) {}

  add(fact: ResolvedFact): void {
    if (fact.authority === 'claimed') return;
    const { data, names, kind, time } = fact;
    switch (kind) {
      case 'family.revoked': {
        const end: FamilyEnd = { at: time, cause: textOf(data['cause'], 'family revoked'), authority: fact.authority };
        if (fact.version !== undefined) end.version = fact.version;
        if (names.fam !== undefined) push(this.familyEnds, names.fam, end);
        break;
      }
      case 'family.reusereported': {
        const report: { at: number; token?: Name; source: string } = { at: time, source: fact.source };
        if (typeof data['token'] === 'string') report.token = data['token'];
        if (names.fam !== undefined) push(this.reuseReports, names.fam, report);
        break;
      }
      case 'subject.suspended':
      case 'subject.reinstated':
        this.addSubject(fact);
        break;
      case 'fence.raised':
        this.addFence(fact);
        break;
      case 'key.published':
      case 'key.activated':
      case 'key.retired':
      case 'key.removed':
      case 'key.compromised':
        this.addKey(fact);
        break;
      case 'deployment.declared': {
        const key = `${String(data['component'])}\n${String(data['version'])}`;
        const known = this.contracts.get(key);
        if (known === undefined || time > known.at || (time === known.at && fact.id < known.id)) {
          this.contracts.set(key, { contract: data['contract'] as Contract | undefined, at: time, id: fact.id });
        }
        this.deployments.push(fact);
        break;
      }
      case 'deployment.activated':
      case 'deployment.weighted':
      case 'deployment.deactivated':
      case 'deployment.rolledback':
        this.deployments.push(fact);
        break;
      case 'source.closed': {
        const source = String(data['source']);
        this.closed.set(source, Math.max(this.closed.get(source) ?? -Infinity, Number(data['watermark'])));
        break;
      }
      case 'source.gap':
        push(this.gaps, String(data['source']), {
          from: Number(data['from']),
          to: Number(data['to'] ?? Infinity),
          closed: data['closed'] === true,
        });
        break;
      default:
    }
  }

  private addSubject(fact: ResolvedFact): void {
    const sub = fact.names.sub;
    if (sub === undefined || (fact.conflicting && fact.kind === 'subject.reinstated')) return;
    let causes = this.subjects.get(sub);
    if (causes === undefined) this.subjects.set(sub, (causes = new Map()));
    const reason = textOf(fact.data['reasonId'], '');
    push(causes, `subject ${fact.authority}:${reason}`, {
      at: fact.time,
      op: fact.kind === 'subject.suspended' ? 'suspend' : 'reinstate',
    });
  }

  private addFence(fact: ResolvedFact): void {
    const match = fact.data['match'] as Fence['match'];
    const selective = match.ses ?? match.sub ?? match.cli ?? match.kid;
    // A fence that names nothing would end everything; it is kept in the ledger and has no effect.
    if (selective === undefined) return;
    this.fenceCount++;
    push(this.fences, selective, {
      cutoff: Number(fact.data['cutoff']),
      at: fact.time,
      cause: textOf(fact.data['cause'], 'fence'),
      authority: fact.authority,
      match,
    });
  }

  private addKey(fact: ResolvedFact): void {
    const kid = fact.names.kid;
    if (kid === undefined) return;
    const facts = this.keys.get(kid) ?? {};
    const { data } = fact;
    const earliest = (key: 'published' | 'activated' | 'retired' | 'removed' | 'distrusted' | 'compromised'): void => {
      facts[key] = Math.min(facts[key] ?? Infinity, fact.time);
    };
    earliest(fact.kind!.slice('key.'.length) as 'published');
    if (data['distrusted'] === true) earliest('distrusted');
    if (typeof data['kid'] === 'string') facts.kid = data['kid'];
    if (typeof data['alg'] === 'string') facts.alg = data['alg'];
    if (data['symmetric'] === true || (typeof data['alg'] === 'string' && data['alg'].startsWith('HS')))
      facts.symmetric = true;
    this.keys.set(kid, facts);
  }

  /** Fences that could hit a token with these names; each must still be held against its birth. */
  fencesFor(names: Iterable<Name>): Fence[] {
    if (this.fenceCount === 0) return [];
    const out: Fence[] = [];
    for (const name of names) for (const fence of this.fences.get(name) ?? []) out.push(fence);
    return out;
  }

  contractOf(component: string, version: string): Contract | undefined {
    return this.contracts.get(`${component}\n${version}`)?.contract;
  }

  /** How long this gateway may go on accepting an ended token: its version's contract wins, then the settings; in ms. */
  propagationWindow(use: UseSite): number {
    const seconds = this.contractAt(use)?.revocationWindowSeconds;
    if (seconds !== undefined) return seconds * 1000;
    return this.gatewaySetting(use, 'propagationWindow');
  }

  /** How long past its expiry this gateway may accept a token; in ms. */
  leeway(use: UseSite): number {
    const seconds = this.contractAt(use)?.leewaySeconds;
    return seconds !== undefined ? seconds * 1000 : this.gatewaySetting(use, 'leeway');
  }

  /** Largest error of this gateway's clock; in ms. */
  clockError(use: UseSite): number {
    return this.gatewaySetting(use, 'clockError');
  }

  private contractAt(use: UseSite): Contract | undefined {
    if (use.version === undefined) return undefined;
    return this.contractOf(this.resolver.profile(use.source)?.component ?? 'gateway', use.version);
  }

  private gatewaySetting(use: UseSite, key: 'propagationWindow' | 'leeway' | 'clockError'): number {
    const own = use.gateway === undefined ? undefined : this.settings.gateways[use.gateway]?.[key];
    return own ?? this.resolver.profile(use.source)?.[key] ?? 0;
  }
}

/** Where a use took place. */
export interface UseSite {
  source: string;
  gateway?: string;
  version?: string;
}

/** Types that a world is made of: everything that is not about one token. */
export function isWorldType(type: string): boolean {
  return !type.startsWith('tallystick.token.');
}

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
export function worldUnder(
  facts: Iterable<RecordedFact>,
  conflictKeys: { has(key: string): boolean } = new Set<string>(),
): World {
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

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

function textOf(value: unknown, otherwise: string): string {
  return typeof value === 'string' && value !== '' ? value : otherwise;
}
