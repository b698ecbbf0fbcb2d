import { systemClock } from '../clock.js';
import { BadOption } from '../errors.js';
import type { TokenUse } from '../events/inputs.js';
import { canName } from '../../shared.js';
import { digestOf, TokenNaming } from '../naming.js';
import { readTokenSecret } from '../token-secret.js';
import { checkBinding, type Bound } from './binding.js';
import { challengeOf, type Challenges } from './challenge.js';
import { DpopCheck } from './dpop.js';
import {
  isRefusal,
  wordsFor,
  type Claims,
  type Judgement,
  type Refusal,
  type Refused,
  type TokenNames,
  type Verified,
} from './judgement.js';
import { JwtCheck } from './jwt.js';
import { OpaqueCheck } from './opaque.js';
import type { CheckOptions, VerifierOptions } from './options.js';
import { headerOf, readPresented, type PresentedRequest } from './request.js';
import { scopesOf } from './scopes.js';

export interface Verifier {
  /** Judges what a request presents, and tells the emitter. Never rejects. */
  check(request: PresentedRequest, options?: CheckOptions): Promise<Judgement>;
}

/** A credential that is good in itself: not yet held against the ended list and the scopes. */
interface Good {
  kind: Verified['kind'];
  claims: Claims;
  header?: Claims;
  names: TokenNames;
  bound?: Bound;
  credential?: { system: string; id: string };
}
type Scheme = 'bearer' | 'dpop' | 'apiKey';

/**
 * ```ts
 * const verifier = createVerifier({ issuers: { [issuer]: { jwksUri, audiences: ['orders'] } }, emitter });
 * const judgement = await verifier.check({ headers: request.headers }, { scopes: ['read'] });
 * ```
 * @throws BadOption, PlaintextEndpoint here, and nothing later.
 */
export function createVerifier(options: VerifierOptions): Verifier {
  return new RequestCheck(options);
}

class RequestCheck implements Verifier {
  readonly #naming: TokenNaming | undefined;
  readonly #jwt: JwtCheck;
  readonly #opaque: OpaqueCheck | undefined;
  readonly #dpop: DpopCheck | undefined;
  readonly #keyHeader: string | undefined;
  readonly #challenges: Challenges;

  constructor(private readonly options: VerifierOptions) {
    const { issuers = {}, opaque, apiKeys, ended, tokenSecret, leewayMs = 0, dpop = {}, realm = 'api' } = options;
    const { clock = systemClock, allowPlaintext = false } = options;
    const tables = ended !== undefined || apiKeys !== undefined || (opaque !== undefined && 'table' in opaque);
    if (tables && tokenSecret === undefined) {
      throw new BadOption('tokenSecret', 'is missing', 'Names in `ended`, `apiKeys` and tables are made with it.');
    }
    const now = (): number => clock.now();
    this.#naming = tokenSecret === undefined ? undefined : new TokenNaming(readTokenSecret(tokenSecret));
    this.#jwt = new JwtCheck(issuers, leewayMs, now, allowPlaintext);
    this.#opaque = opaque === undefined ? undefined : new OpaqueCheck(opaque, this.#naming, leewayMs, now);
    this.#dpop = dpop === false ? undefined : new DpopCheck(dpop, leewayMs, now);
    this.#keyHeader = apiKeys === undefined ? undefined : (apiKeys.header ?? 'x-api-key');
    const bearer = Object.keys(issuers).length > 0 || opaque !== undefined;
    if (!bearer && apiKeys === undefined) {
      throw new BadOption('issuers', ', opaque or apiKeys must be given', 'Say which credentials are accepted.');
    }
    this.#challenges = {
      realm,
      bearer,
      dpop: bearer ? this.#dpop?.algorithms : undefined,
      apiKey: apiKeys !== undefined,
    };
  }

  async check(request: PresentedRequest, { scopes = [] }: CheckOptions = {}): Promise<Judgement> {
    try {
      return await this.#judge(request, scopes);
    } catch {
      // What was not judged does not pass.
      return this.#refused({ reason: 'configuration' }, undefined);
    }
  }

  async #judge(request: PresentedRequest, scopes: readonly string[]): Promise<Judgement> {
    const presented = readPresented(request, this.#keyHeader);
    if (presented.kind === 'none') {
      return {
        ok: false,
        status: 401,
        wwwAuthenticate: challengeOf(this.#challenges, undefined, {}),
        reason: 'missing',
      };
    }
    if (presented.kind === 'invalid') {
      const { description } = presented;
      return this.#refused({ reason: 'malformed', error: 'invalid_request', description }, undefined);
    }
    const isKey = presented.kind === 'apiKey';
    const raw = isKey ? presented.key : presented.token;
    const scheme = isKey ? 'apiKey' : presented.scheme;
    const found = isKey ? this.#checkKey(raw) : await this.#checkToken(raw, presented.scheme, request);
    const judged = isRefusal(found) ? found : (this.#ended(found) ?? lacking(found, scopes) ?? found);
    const result = isRefusal(judged) ? this.#refused(judged, scheme, scopes) : verified(judged);
    const known = isRefusal(found) ? undefined : found;
    this.#tell(request, raw, scheme, judged, known, result);
    return result;
  }

  async #checkToken(token: string, scheme: 'bearer' | 'dpop', request: PresentedRequest): Promise<Good | Refusal> {
    const issuer = this.#jwt.issuerOf(token);
    const isOpaque = issuer === undefined && this.#opaque !== undefined;
    const checked: { claims: Claims; header?: Claims } | Refusal =
      isOpaque && this.#opaque ? await this.#opaque.check(token) : await this.#jwt.check(token);
    if (isRefusal(checked)) return checked;
    const { claims, header } = checked;
    const bound = await checkBinding(claims, token, scheme, request, this.#dpop);
    if (isRefusal(bound)) return { ...bound, claims, ...(header !== undefined && { header }) };
    const names = this.#namesOf(token, claims, header);
    return { kind: isOpaque ? 'opaque' : 'jwt', claims, names, bound, ...(header !== undefined && { header }) };
  }

  #checkKey(key: string): Good | Refusal {
    const tok = this.#naming?.tok(digestOf(key));
    const known = tok === undefined ? undefined : this.options.apiKeys?.table.get(tok);
    if (known === undefined || tok === undefined) return { reason: 'inactive' };
    const { credential, scopes = [], subject, client, expiresAt = Infinity } = known;
    const { clock = systemClock, leewayMs = 0 } = this.options;
    if (clock.now() >= expiresAt + leewayMs) return { reason: 'expired' };
    const claims = {
      ...{ scope: scopes.join(' ') },
      ...(subject !== undefined && { sub: subject }),
      ...(client !== undefined && { client_id: client }),
    };
    const cred = this.#naming?.cred(credential.system, credential.id);
    return { kind: 'apiKey', claims, credential, names: { tok, ...(cred !== undefined && { cred }) } };
  }

  #namesOf(token: string, claims: Claims, header: Claims | undefined): TokenNames {
    const naming = this.#naming;
    if (naming === undefined) return {};
    const names: TokenNames = { tok: naming.tok(digestOf(token)) };
    const { iss, jti } = claims;
    if (typeof iss !== 'string' || !canName(iss)) return names;
    const isId = (id: unknown): id is string => typeof id === 'string' && id !== '' && canName(id);
    if (isId(jti)) names.jti = naming.jti(iss, jti);
    if (isId(header?.['kid'])) names.kid = naming.kid(iss, header['kid']);
    const grant = this.options.issuers?.[iss]?.grantOf?.(claims);
    if (isId(grant)) names.fam = naming.fam(iss, grant);
    return names;
  }

  #ended({ names, claims, header }: Good): Refusal | undefined {
    const { ended } = this.options;
    if (ended === undefined || !Object.values(names).some((name) => ended.has(name))) return undefined;
    return { reason: 'inactive', claims, ...(header !== undefined && { header }) };
  }

  #refused(refusal: Refusal, scheme: Scheme | undefined, scopes: readonly string[] = []): Refused {
    const { reason, description = wordsFor(reason) } = refusal;
    if (reason === 'configuration') return { ok: false, status: 503, description, reason };
    const error = refusal.error ?? (reason === 'scope' ? 'insufficient_scope' : 'invalid_token');
    const status = error === 'invalid_request' ? 400 : error === 'insufficient_scope' ? 403 : 401;
    const wwwAuthenticate = challengeOf(this.#challenges, scheme, { error, description }, scopes);
    return { ok: false, status, error, description, wwwAuthenticate, reason };
  }

  #tell(
    request: PresentedRequest,
    raw: string,
    scheme: Scheme,
    judged: Good | Refusal,
    known: Good | undefined,
    result: Judgement,
  ): void {
    const { emitter, presenter = true } = this.options;
    if (emitter === undefined) return;
    const { claims, header } = judged;
    const agent = headerOf(request, 'user-agent');
    const { bound } = known ?? {};
    const use: TokenUse = {
      ...(scheme === 'apiKey' ? { apiKey: raw, kind: 'apiKey' } : { token: raw, scheme }),
      ...(known?.credential !== undefined && { credential: known.credential }),
      ...(claims !== undefined && scheme !== 'apiKey' && { claims, verified: true }),
      ...(header !== undefined && { header }),
      ...(known?.kind === 'opaque' && { form: 'opaque' }),
      ...(request.api !== undefined && { api: request.api }),
      ...(presenter && request.clientIp !== undefined && { clientIp: request.clientIp }),
      ...(presenter && agent !== undefined && { userAgent: agent }),
      ...(bound?.proof !== undefined && { proof: { present: true, ...bound.proof } }),
      ...(bound?.x5t !== undefined && { proof: { present: true, x5t: bound.x5t } }),
    };
    if (result.ok) emitter.validated(use);
    else
      emitter.rejected({
        ...use,
        status: result.status,
        ...(result.reason !== undefined && { reason: result.reason }),
      });
  }
}

function lacking({ claims, header }: Good, needed: readonly string[]): Refusal | undefined {
  if (needed.length === 0) return undefined;
  const given = scopesOf(claims);
  if (needed.every((scope) => given.includes(scope))) return undefined;
  return { reason: 'scope', claims, ...(header !== undefined && { header }) };
}

function verified({ kind, claims, names }: Good): Verified {
  const name = names.jti ?? names.cred ?? names.tok;
  return { ok: true, kind, claims, scopes: scopesOf(claims), names, ...(name !== undefined && { name }) };
}
