import { shortType, type ObservationType, type PersonalBox, type RecordedFact } from './observations.js';
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

/** Keys of records with more than one variant. */
export type ConflictKeys = Pick<ReadonlySet<string>, 'has' | 'size'>;

/**
 * Built field by field: a replay resolves every fact of the ledger, and a spread costs ten times as much. What few
 * ask for stays where it is.
 */
class Resolved implements ResolvedFact {
  readonly type: string;
  readonly source: string;
  readonly tenant: string;
  readonly subject: string;
  readonly time: number;
  readonly names: RecordedFact['names'];
  readonly data: RecordedFact['data'];
  readonly recordedAt: number;
  declare readonly version?: string;
  declare readonly gateway?: string;
  declare readonly region?: string;
  declare readonly api?: string;
  declare readonly personal?: PersonalBox;

  constructor(
    private readonly fact: RecordedFact,
    readonly kind: ObservationType | undefined,
    readonly authority: Authority,
    readonly conflicting: boolean,
    readonly future: boolean,
  ) {
    this.type = fact.type;
    this.source = fact.source;
    this.tenant = fact.tenant;
    this.subject = fact.subject;
    this.time = fact.time;
    this.names = fact.names;
    this.data = fact.data;
    this.recordedAt = fact.recordedAt;
    if (fact.version !== undefined) this.version = fact.version;
    if (fact.gateway !== undefined) this.gateway = fact.gateway;
    if (fact.region !== undefined) this.region = fact.region;
    if (fact.api !== undefined) this.api = fact.api;
    if (fact.personal !== undefined) this.personal = fact.personal;
  }

  get id(): string {
    return this.fact.id;
  }
  get record(): RecordedFact['record'] {
    return this.fact.record;
  }
  get position(): bigint {
    return this.fact.position;
  }
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
    private readonly conflictKeys: ConflictKeys = new Set<string>(),
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
    const authority = kind === undefined ? 'claimed' : this.authorityOfFact(fact, kind);
    return new Resolved(
      fact,
      kind,
      authority,
      this.isConflicting(fact),
      fact.time > fact.recordedAt + this.futureSlack,
    );
  }

  private isConflicting(fact: RecordedFact): boolean {
    return this.conflictKeys.size > 0 && this.conflictKeys.has(fact.record.key);
  }

  private authorityOfFact(fact: RecordedFact, kind: ObservationType): Authority {
    return this.authorityOfSpeaker(fact.source, kind, fact.data['issuer'], fact.names.jti !== undefined);
  }

  /**
   * The authority of everything that a source says of this kind and issuer. A token that an issuer's source names by
   * jti alone may be another issuer's: nothing shows that it is its own.
   */
  authorityOfSpeaker(source: string, kind: ObservationType, issuer: unknown, byJti: boolean): Authority {
    const authority = this.authorityOf(source, kind, issuer);
    if (authority !== 'issuer' || typeof issuer === 'string' || !byJti) return authority;
    if (!kind.startsWith('token.') || this.profile(source)?.mayIssue.includes('*')) return authority;
    return GATEWAY_MAY.has(kind) ? 'gateway' : 'claimed';
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
