import type { Contract } from './contract.js';
import { FamilyEnds, familyNamesOf, type FamilyEnd } from './family-ends.js';
import { Fences, type Fence } from './fences.js';
import { addKeyFact, type KeyFacts } from './keys.js';
import { LegalHolds } from './legal-holds.js';
import type { Links } from './links.js';
import type { Name } from './names.js';
import { addNotes, type Notes } from './notes.js';
import type { Distrust, ResolvedFact, Resolver } from './resolve.js';
import type { Settings } from './settings.js';
import { reasonOf } from './state.js';
import { addToggle, type Toggles } from './toggles.js';

/** Version of the rules that compute states and findings; part of every answer. */
export const RULES_VERSION = '1';

export interface ReuseReport {
  at: number;
  token?: Name;
  source: string;
}

export interface Gap {
  from: number;
  /** Infinity while the gap is open. */
  to: number;
  /** Whether its late facts are in. */
  closed: boolean;
}

/**
 * What is known, at K, about everything that is not one token: settings, families' ends, subjects, fences, keys,
 * contracts, distrust, gaps. Built from the facts of those streams in any order.
 */
export class World {
  /** Ends by the grant, or the token, that they were stated of. */
  readonly familyEnds = new Map<Name, FamilyEnd[]>();
  readonly reuseReports = new Map<Name, ReuseReport[]>();
  /** Suspensions of subjects, by cause. */
  readonly subjects = new Map<Name, Toggles>();
  readonly keys = new Map<Name, KeyFacts>();
  /** Latest declared contract per `component\nversion`. */
  readonly contracts = new Map<string, { contract: Contract | undefined; at: number; id: string }>();
  readonly deployments: ResolvedFact[] = [];
  readonly closed = new Map<string, number>();
  readonly gaps = new Map<string, Gap[]>();
  readonly holds = new LegalHolds();
  /** What is odd about the facts of the world themselves. */
  readonly notes: Notes = new Map();
  private readonly times: number[] = [];
  private readonly fences = new Fences();
  private readonly ends = new FamilyEnds(this.familyEnds);

  constructor(
    readonly settings: Settings,
    readonly distrusted: readonly Distrust[],
    readonly settingsDigest: string,
    /** Which component's versions a source stamps. */
    readonly resolver: Resolver,
  ) {}

  /** @param current what a name is called today: renames are folded before anything is compared (MODEL §1.5). */
  add(fact: ResolvedFact, current: (name: Name) => Name = (name) => name): void {
    this.times.push(fact.time);
    addNotes(this.notes, fact);
    if (fact.authority === 'claimed') return;
    const { data, kind, time } = fact;
    switch (kind) {
      case 'family.revoked':
        this.ends.add(fact, current);
        break;
      case 'family.reusereported':
        this.addReuseReport(fact, current);
        break;
      case 'subject.suspended':
      case 'subject.reinstated':
        this.addSubject(fact, current);
        break;
      case 'legalhold.placed':
      case 'legalhold.released':
        this.holds.add(fact, current);
        break;
      case 'fence.raised':
        this.fences.add(fact, current);
        break;
      case 'key.published':
      case 'key.activated':
      case 'key.retired':
      case 'key.removed':
      case 'key.compromised':
        addKeyFact(this.keys, fact, current);
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
      case 'source.closed':
      case 'source.gap':
        this.addSource(fact);
        break;
      default:
    }
  }

  private addReuseReport(fact: ResolvedFact, current: (name: Name) => Name): void {
    const report: ReuseReport = { at: fact.time, source: fact.source };
    if (typeof fact.data['token'] === 'string') report.token = current(fact.data['token']);
    for (const name of familyNamesOf(fact, current)) {
      const known = this.reuseReports.get(name);
      if (known === undefined) this.reuseReports.set(name, [report]);
      else known.push(report);
    }
  }

  private addSubject(fact: ResolvedFact, current: (name: Name) => Name): void {
    if (fact.names.sub === undefined || (fact.conflicting && fact.kind === 'subject.reinstated')) return;
    const sub = current(fact.names.sub);
    let causes = this.subjects.get(sub);
    if (causes === undefined) this.subjects.set(sub, (causes = new Map()));
    const reason = reasonOf(fact);
    const op = fact.kind === 'subject.suspended' ? 'on' : 'off';
    addToggle(causes, `subject ${fact.authority}:${reason}`, fact.time, op);
  }

  /** Only the operator, or intake in its name, speaks of another source than its own. */
  private addSource(fact: ResolvedFact): void {
    const { data } = fact;
    const source = String(data['source']);
    if (fact.authority !== 'operator' && source !== fact.source) return;
    if (fact.kind === 'source.closed') {
      this.closed.set(source, Math.max(this.closed.get(source) ?? -Infinity, Number(data['watermark'])));
      return;
    }
    const gap = { from: Number(data['from']), to: Number(data['to'] ?? Infinity), closed: data['closed'] === true };
    const gaps = this.gaps.get(source) ?? [];
    const same = gaps.find(({ from }) => from === gap.from);
    if (same === undefined) this.gaps.set(source, [...gaps, gap]);
    else {
      // Facts about one gap follow each other: that it ended, that its late facts are in.
      same.to = Math.min(same.to, gap.to);
      same.closed ||= gap.closed;
    }
  }

  /** The ends of the families that these names belong to, and those stated of the names themselves. */
  familyEndsOf(names: Iterable<Name>, links: Links): readonly FamilyEnd[] {
    return this.ends.of(names, links);
  }

  /** Fences that could hit a token with these names; each must still be held against its birth. */
  fencesFor(names: Iterable<Name>): Fence[] {
    return this.fences.for(names);
  }

  /** To be called after names were joined that a world with facts was asked about. */
  linksChanged(): void {
    this.ends.linksChanged();
  }

  /** The earliest instant after T from which more of the world's facts count; Infinity without. */
  turnAfter(T: number): number {
    let turn = Infinity;
    for (const time of this.times) if (time > T && time < turn) turn = time;
    return turn;
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
