import { shortType, type ObservationType, type RecordedFact } from './observations.js';
import {
  mayIssue,
  OWN_SOURCE,
  profileOf,
  thresholdsOf,
  type Authority,
  type Settings,
  type SourceProfile,
} from './settings.js';

/** A fact with what the settings say of its source: computed when reading, so that a corrected profile takes effect. */
export interface ResolvedFact extends RecordedFact {
  kind: ObservationType | undefined;
  /** `claimed`: outside its source's scope; kept and raised, without effect (MODEL §3.2). */
  authority: Authority;
  /** Another variant of the same record exists: permissive operations have no effect (MODEL §2.2). */
  conflicting: boolean;
  /** Dated later than it was recorded: advances nothing (MODEL §4.4). */
  future: boolean;
}

const GATEWAY_MAY: ReadonlySet<string> = new Set([
  'token.observed',
  'token.validated',
  'token.rejected',
  'token.consumed',
  'token.aliased',
  'source.gap',
  'source.closed',
]);
const DEPLOYER_MAY: ReadonlySet<string> = new Set(['source.gap', 'source.closed']);
const OPERATOR_ONLY =
  /^(settings|attestation|legalhold)\.|^source\.distrusted$|^subject\.erased$|^token\.(suspended|reinstated|renamed)$/;
/** Facts that reach beyond one token: an issuer must say whose they are. */
const OF_ONE_ISSUER = /^(family|subject|fence|key)\./;

/** Gives each fact its authority under one set of settings, and leaves out the facts of distrusted sources. */
export class Resolver {
  private readonly profiles = new Map<string, SourceProfile | undefined>();
  /** By source, kind and issuer: asked for every fact, so that no key is built. */
  private readonly authorities = new Map<string, Map<string, Map<string, Authority>>>();
  private readonly futureSlack: number;

  constructor(
    readonly settings: Settings,
    private readonly distrusted: readonly Distrust[] = [],
    private readonly conflictKeys: { has(key: string): boolean } = new Set<string>(),
  ) {
    this.futureSlack = thresholdsOf(settings).futureSlack;
  }

  profile(source: string): SourceProfile | undefined {
    if (!this.profiles.has(source)) this.profiles.set(source, profileOf(this.settings, source));
    return this.profiles.get(source);
  }

  /** Undefined for a fact that a `source.distrusted` excludes. */
  resolve(fact: RecordedFact): ResolvedFact | undefined {
    for (const distrust of this.distrusted) {
      if (distrust.source === fact.source && fact.time >= distrust.from && fact.time <= distrust.to) return undefined;
    }
    const kind = shortType(fact.type);
    // Field by field: a replay resolves every fact of the ledger, and a spread costs ten times as much.
    const resolved: ResolvedFact = {
      id: fact.id,
      type: fact.type,
      source: fact.source,
      tenant: fact.tenant,
      subject: fact.subject,
      time: fact.time,
      names: fact.names,
      data: fact.data,
      record: fact.record,
      position: fact.position,
      recordedAt: fact.recordedAt,
      kind,
      authority: kind === undefined ? 'claimed' : this.authorityOf(fact.source, kind, fact.data['issuer']),
      conflicting: this.conflictKeys.has(fact.record.key),
      future: fact.time > fact.recordedAt + this.futureSlack,
    };
    if (fact.version !== undefined) resolved.version = fact.version;
    if (fact.gateway !== undefined) resolved.gateway = fact.gateway;
    if (fact.region !== undefined) resolved.region = fact.region;
    if (fact.api !== undefined) resolved.api = fact.api;
    if (fact.personal !== undefined) resolved.personal = fact.personal;
    return resolved;
  }

  /** MODEL §3.2: the authority with which a source may state this kind of fact of this issuer, else `claimed`. */
  authorityOf(source: string, kind: ObservationType, issuer: unknown): Authority {
    const about = typeof issuer === 'string' ? issuer : '';
    const ofSource = nested(this.authorities, source);
    const ofKind = nested(ofSource, kind);
    let authority = ofKind.get(about);
    if (authority === undefined) {
      authority = this.decideAuthority(source, kind, typeof issuer === 'string' ? issuer : undefined);
      ofKind.set(about, authority);
    }
    return authority;
  }

  private decideAuthority(source: string, kind: ObservationType, issuer: string | undefined): Authority {
    if (source === OWN_SOURCE) return 'operator';
    const profile = this.profile(source);
    if (!profile) return 'claimed';
    if (profile.types !== undefined && !profile.types.includes(kind)) return 'claimed';
    if (profile.authority === 'operator') return 'operator';
    if (kind.startsWith('deployment.')) return profile.authority === 'deployer' ? 'deployer' : 'claimed';
    if (profile.authority === 'deployer') return DEPLOYER_MAY.has(kind) ? 'deployer' : 'claimed';
    if (GATEWAY_MAY.has(kind)) {
      return profile.authority === 'issuer' && mayIssue(profile, issuer) ? 'issuer' : 'gateway';
    }
    if (profile.authority === 'gateway' || OPERATOR_ONLY.test(kind)) return 'claimed';
    // Without an issuer nothing shows that the name is one of this source's own issuers.
    if (issuer === undefined && OF_ONE_ISSUER.test(kind) && !profile.mayIssue.includes('*')) return 'claimed';
    return mayIssue(profile, issuer) ? 'issuer' : 'claimed';
  }
}

function nested<V>(map: Map<string, Map<string, V>>, key: string): Map<string, V> {
  let inner = map.get(key);
  if (inner === undefined) map.set(key, (inner = new Map<string, V>()));
  return inner;
}

export interface Distrust {
  source: string;
  from: number;
  to: number;
}

const RANK: Record<Authority, number> = { operator: 4, issuer: 3, gateway: 2, deployer: 1, claimed: 0 };
export function rankOf(authority: Authority): number {
  return RANK[authority];
}
