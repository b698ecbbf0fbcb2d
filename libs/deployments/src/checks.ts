import { formatTime, type Contract, type Millis, type TokenView } from '#lifecycle';
import { readByVersion, rawExp } from './expiry-reading.js';
import type { Issue, Surmise } from './prediction.js';

export type ContractField = keyof Contract;

export interface CheckInput {
  contract: Contract;
  view: TokenView;
  T: Millis;
  surmise: Surmise;
}

/** One check of the prediction; a field may have several. */
export interface Check {
  field: ContractField;
  /** What is asked, for people. */
  asks: string;
  applies(view: TokenView): boolean;
  check(input: CheckInput): Issue[];
}

/** Stated in a list of a contract, it stands for any value: for example every key of the issuer's JWKS. */
export const ANY = '*';

const selfContained = (view: TokenView): boolean => view.form !== 'opaque' && view.kind !== 'apiKey';
const authorizing = (view: TokenView): boolean =>
  view.kind !== 'id' && view.kind !== 'logout' && view.kind !== 'assertion';
const always = (): boolean => true;

function undeclared(field: ContractField, what: string): Issue[] {
  return [{ field, kind: 'unknown', why: 'undeclared', what }];
}
function unseen(field: ContractField, what: string): Issue[] {
  return [{ field, kind: 'unknown', why: 'unseen', what }];
}
function refuse(field: ContractField, reason: string): Issue[] {
  return [{ field, kind: 'refuse', reason }];
}

/** A check that one attribute of the token stands in one list of the contract. */
function listed(
  field: 'issuers' | 'kids' | 'algorithms' | 'typs',
  what: string,
  value: (view: TokenView) => string | undefined,
  same: (a: string, b: string) => boolean = (a, b) => a === b,
): Check {
  return {
    field,
    asks: `whether it accepts the token's ${what}`,
    applies: selfContained,
    check({ contract, view }) {
      const list = contract[field];
      if (list === undefined) return undeclared(field, field);
      if (list.includes(ANY)) return [];
      const shown = value(view);
      if (shown === undefined) return unseen(field, `the ${what}`);
      return list.some((entry) => same(entry, shown)) ? [] : refuse(field, `unknown ${what}`);
    },
  };
}

/** RFC 7515 §4.1.9: the prefix `application/` may be left out, and media types ignore letter case. */
function sameTyp(a: string, b: string): boolean {
  const bare = (typ: string): string => typ.toLowerCase().replace(/^application\//, '');
  return bare(a) === bare(b);
}

/**
 * The checks that decide acceptance, in order of MODEL §7.6. Fields that no check names decide something else: `role`
 * the population, `jwksCacheSeconds` the wait after a key is published, `securityFix` whether refusals were meant.
 */
export const CHECKS: readonly Check[] = [
  listed('issuers', 'issuer', (view) => view.issuer),
  listed('kids', 'kid', (view) => view.kid),
  listed('algorithms', 'alg', (view) => view.alg),
  listed('typs', 'typ', (view) => view.typ, sameTyp),
  {
    field: 'audiences',
    asks: 'whether one of the audiences is known',
    applies: (view) => view.kind !== 'apiKey',
    check({ contract: { audiences }, view }) {
      if (audiences === undefined) return undeclared('audiences', 'audiences');
      if (audiences.includes(ANY)) return [];
      if (view.audiences === undefined) return unseen('audiences', 'the audience');
      const known =
        view.audiences.kind === 'set' && (view.audiences.values ?? []).some((aud) => audiences.includes(aud));
      return known ? [] : refuse('audiences', 'unknown audience');
    },
  },
  {
    field: 'scopes',
    asks: 'whether every scope is known',
    applies: authorizing,
    check({ contract: { scopes }, view }) {
      if (scopes === undefined) return undeclared('scopes', 'scopes');
      if (scopes.includes(ANY)) return [];
      if (view.scopes === undefined) {
        const none = view.claims !== undefined && !view.claims.includes('scope') && !view.claims.includes('scp');
        return none ? [] : unseen('scopes', 'the scopes');
      }
      return view.scopes.every((scope) => scopes.includes(scope)) ? [] : refuse('scopes', 'unknown scope');
    },
  },
  {
    field: 'requiredClaims',
    asks: 'whether every required claim is there',
    applies: selfContained,
    check({ contract: { requiredClaims }, view }) {
      if (requiredClaims === undefined) return undeclared('requiredClaims', 'required claims');
      if (requiredClaims.length === 0) return [];
      if (view.claims === undefined) return unseen('requiredClaims', 'the claims');
      const missing = requiredClaims.filter((claim) => !view.claims!.includes(claim));
      return missing.length === 0
        ? []
        : refuse('requiredClaims', `required claim missing: ${missing.sort().join(', ')}`);
    },
  },
  {
    field: 'restrictingClaims',
    asks: 'whether claims that narrow the token are honoured',
    applies: selfContained,
    check({ contract, view, surmise }) {
      const { restrictingClaims, knownClaims, unknownClaims } = contract;
      // Claims that no list of this version holds are refused with the token: then nothing is widened.
      const restricting = new Set([...(restrictingClaims ?? []), ...(surmise.restrictingClaims ?? [])]);
      if (restrictingClaims === undefined && knownClaims === undefined) {
        return undeclared('restrictingClaims', 'restricting claims');
      }
      if (restricting.size === 0) return [];
      if (view.claims === undefined) return unseen('restrictingClaims', 'the claims');
      const honoured = new Set(knownClaims ?? restrictingClaims);
      const ignored = view.claims.filter((claim) => restricting.has(claim) && !honoured.has(claim));
      if (ignored.length === 0 || unknownClaims === 'reject') return [];
      return ignored.map((claim) => ({
        field: 'restrictingClaims',
        kind: 'misread',
        claim,
        effect: 'restriction ignored',
      }));
    },
  },
  {
    field: 'unknownClaims',
    asks: 'whether claims that it does not know make it refuse',
    applies: selfContained,
    check({ contract, view }) {
      if (contract.unknownClaims === undefined) return undeclared('unknownClaims', 'what unknown claims do');
      if (contract.unknownClaims === 'ignore') return [];
      if (contract.knownClaims === undefined) return undeclared('knownClaims', 'known claims');
      if (view.claims === undefined) return unseen('unknownClaims', 'the claims');
      const lists = [contract.knownClaims, contract.requiredClaims ?? [], contract.restrictingClaims ?? []];
      const strange = view.claims.filter((claim) => !lists.some((list) => list.includes(claim)));
      return strange.length === 0 ? [] : refuse('unknownClaims', `unknown claim: ${strange.join(', ')}`);
    },
  },
  {
    field: 'maxLifetimeSeconds',
    asks: 'whether the lifetime is within its maximum',
    applies: (view) => view.kind !== 'apiKey',
    check({ contract: { maxLifetimeSeconds }, view, T }) {
      if (maxLifetimeSeconds === undefined) return undeclared('maxLifetimeSeconds', 'a maximum lifetime');
      const { kind, at } = view.expiry;
      if (kind === 'unknown' || kind === 'implausible') return unseen('maxLifetimeSeconds', 'the expiry');
      const start = view.iat ?? view.issuedAt ?? view.firstSeen;
      const notAfter = start + maxLifetimeSeconds * 1000;
      if (kind === 'at' && at! <= notAfter) return [];
      const issues: Issue[] = [{ field: 'maxLifetimeSeconds', kind: 'limit', notAfter }];
      return T < notAfter ? issues : [...issues, ...refuse('maxLifetimeSeconds', 'older than its maximum lifetime')];
    },
  },
  {
    field: 'expUnit',
    asks: 'when it reads the token to expire',
    applies: selfContained,
    check({ contract, view }) {
      const { expiry } = view;
      if (expiry.kind === 'never') return [];
      if (contract.expUnit === undefined) return undeclared('expUnit', 'the unit of exp');
      if (expiry.kind !== 'at' || rawExp(view) === undefined) return unseen('expUnit', 'the exp claim');
      const until = readByVersion(contract, view)!;
      if (until !== 'never' && until <= expiry.at!) return [];
      const effect = `read as ${until === 'never' ? 'never' : formatTime(until)}, meant ${formatTime(expiry.at!)}`;
      return [{ field: 'expUnit', kind: 'misread', claim: 'exp', effect, until }];
    },
  },
  {
    field: 'leewaySeconds',
    asks: 'whether it still accepts the token at T',
    applies: always,
    check({ contract, view, T }) {
      const own = selfContained(view) ? readByVersion(contract, view) : view.expiry.at;
      if (own === undefined || own === 'never' || T < own) return [];
      if (contract.leewaySeconds === undefined) return undeclared('leewaySeconds', 'a leeway');
      return T < own + contract.leewaySeconds * 1000 ? [] : refuse('leewaySeconds', 'expired');
    },
  },
  {
    field: 'cnf',
    asks: 'whether it requires and checks sender constraint',
    applies: selfContained,
    check({ contract: { cnf }, view }) {
      if (view.cnf !== undefined) {
        if (cnf?.checked === undefined) return undeclared('cnf', 'whether cnf is checked');
        return cnf.checked ? [] : [{ field: 'cnf', kind: 'misread', claim: 'cnf', effect: 'binding not checked' }];
      }
      if (cnf?.required === undefined) return undeclared('cnf', 'whether cnf is required');
      if (!cnf.required) return [];
      if (view.claims === undefined || view.claims.includes('cnf')) return unseen('cnf', 'the confirmation claim');
      return refuse('cnf', 'not sender-constrained');
    },
  },
  {
    field: 'store',
    asks: 'whether its store holds the token',
    applies: (view) => !selfContained(view),
    check({ contract: { store }, surmise }) {
      if (store === undefined) return undeclared('store', 'a store');
      if (surmise.inStore === undefined) return unseen('store', 'which store holds the token');
      return surmise.inStore ? [] : refuse('store', 'not in its store');
    },
  },
  {
    field: 'revocationWindowSeconds',
    asks: 'whether it honours the end of the token yet',
    applies: (view) => view.suspended || view.ends.some((end) => end.kind !== 'rotated'),
    check({ contract: { revocationWindowSeconds: window }, view, T }) {
      if (window === undefined) return undeclared('revocationWindowSeconds', 'a revocation window');
      const ends = view.ends.filter((end) => end.kind !== 'rotated').map((end) => end.at);
      if (ends.length === 0) return refuse('revocationWindowSeconds', 'suspended');
      const honoured = Math.min(...ends) + window * 1000;
      if (T >= honoured) return refuse('revocationWindowSeconds', 'ended');
      const effect = `may be accepted until ${formatTime(honoured)}`;
      return [{ field: 'revocationWindowSeconds', kind: 'misread', claim: 'revocation', effect }];
    },
  },
  {
    field: 'rotation',
    asks: 'whether it honours the rotation of a refresh token yet',
    applies: (view) => view.ends.some((end) => end.kind === 'rotated'),
    check({ contract: { rotation }, view, T }) {
      if (rotation?.enabled === undefined) return undeclared('rotation', 'whether refresh tokens rotate');
      if (!rotation.enabled) {
        return [{ field: 'rotation', kind: 'misread', claim: 'rotation', effect: 'accepts a rotated token' }];
      }
      if (rotation.graceSeconds === undefined) return undeclared('rotation', 'a rotation grace');
      const at = Math.min(...view.ends.filter((end) => end.kind === 'rotated').map((end) => end.at));
      return T >= at + rotation.graceSeconds * 1000 ? refuse('rotation', 'rotated') : [];
    },
  },
];

/** Fields about ends: the rule *ended* decides those tokens, so their silence does not make a contract silent. */
export const END_FIELDS: ReadonlySet<ContractField> = new Set(['revocationWindowSeconds', 'rotation']);

/** What each field of a contract decides (MODEL §7.6); shown by `tally deployment show` and kept complete by a test. */
export const CONTRACT_FIELDS: Readonly<Record<ContractField, string>> = {
  role: 'which tokens a plan covers: refresh tokens only for an issuer or a store',
  issuers: 'issuers accepted; "*" for any',
  kids: 'keys accepted; "*" for all of the issuer\'s published keys',
  algorithms: 'signature algorithms accepted',
  typs: 'token types accepted',
  audiences: 'audiences known, one of which the token must name',
  scopes: "scopes known, to which all of the token's must belong",
  requiredClaims: 'claims without which it refuses',
  restrictingClaims: 'claims that narrow a token and that it honours',
  unknownClaims: 'whether a claim that it does not know makes it refuse',
  knownClaims: 'claims that it knows',
  maxLifetimeSeconds: 'longest lifetime',
  expUnit: 'unit in which it reads exp',
  leewaySeconds: 'how long past expiry it still accepts',
  cnf: 'whether it requires and checks sender constraint',
  revocationWindowSeconds: 'how long until it honours a revocation',
  store: 'store of opaque tokens, rotations and revocations; equal ids share what they know',
  rotation: 'whether it rotates refresh tokens, and the grace',
  jwksCacheSeconds: 'how long a newly published key may stay unknown to it',
  securityFix: 'its refusals were meant: lockouts are not cleared',
  compensatingControls: 'what stands in for a check that it lacks, such as cnf-at-proxy',
};
