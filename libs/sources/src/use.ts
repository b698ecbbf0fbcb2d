import { createHash } from 'node:crypto';
import {
  lengthPrefixed,
  placementOf,
  readNaming,
  refusalClass,
  type Expiry,
  type Names,
  type RefusalReason,
} from '#lifecycle';
import type { Draft, FoundCredential, Json, Personal, ReadContext, Reading } from './adapter.js';
import { NOT_UNICODE, type ClaimsReading } from './claims.js';
import { MARK } from './credential-shapes.js';
import { readClientAddress } from './net.js';
import { outcomeOf } from './outcome.js';
import { agentProduct, type Geo } from './presenter.js';

/** One request at a gateway, as an adapter read it; `readUse` makes the fact of it. */
export interface Use {
  /** Where a field stands in the record, for error texts. */
  pathOf(field: 'consumer' | 'credential'): string;
  /** The system that consumer and credential ids belong to. */
  system: string;
  time: number;
  notes: string[];
  status?: number | undefined;
  reason?: RefusalReason | undefined;
  upstream?: boolean | undefined;
  /** Verified claims; absent where the line shows none or nobody verified them. */
  claims?: ClaimsReading | undefined;
  /** SHA-256 of the token, as the operator logs it. */
  digest?: string | undefined;
  /** Whether the request carried an Authorization header, redacted or not. */
  authorization: boolean;
  /** The field that holds the request's token in clear, where the profile names one. */
  tokenPath?: string | undefined;
  consumer?: Json | undefined;
  /** A credential id; `verified` where the format writes it only after the gateway accepted the credential. */
  credential?: { value: Json | undefined; verified: boolean; parts?: string[] };
  anonymous?: boolean;
  /** The line says by itself that the gateway accepted the token, without showing claims. */
  attested?: boolean;
  /** Names and data that the format shows beside claims. */
  extra?: { names: Names; data: Record<string, unknown> };
  address?: Json | undefined;
  agent?: Json | undefined;
  geo?: Geo | undefined;
  proof?: boolean;
  version?: string | undefined;
  gateway?: string | undefined;
  region?: string | undefined;
  api?: string | undefined;
  requestId?: string | undefined;
  /** Where the format's id is the gateway's own and needs nothing beside it. */
  sourceId?: string | undefined;
  host?: string | undefined;
  method?: string | undefined;
  path?: string | undefined;
  /** Anything else that tells two requests apart where the format has no request id. */
  distinguishing?: (Json | undefined)[] | undefined;
}

/** The dedupe fields of every gateway format, in order; latencies and sizes are left out, as they differ by copy. */
export const USE_DEDUPE = {
  version: 1,
  fields:
    'time status reason jti tok cred con sub cli net kid issuer iat nbf exp aud scope version gateway region api method host path'.split(
      ' ',
    ),
} as const;

export function readUse(use: Use, context: ReadContext): Reading {
  const { claims } = use;
  const names: Names = { ...use.extra?.names, ...claims?.names };
  const data: Record<string, unknown> = { ...use.extra?.data, ...claims?.data };
  const notes = [...use.notes, ...(claims?.notes ?? [])];
  const personal: Personal = {};
  // The operator's word after verification stands above the gateway's name for everybody.
  const anonymous = use.anonymous === true && claims === undefined;

  const credential = requestCredential(context.credentials, use.authorization, use.tokenPath);
  const joins = names.jti === undefined || isOfRequest(credential, use);
  const tok =
    (use.digest === undefined ? undefined : context.nameOfDigest(use.digest)) ?? (joins ? credential?.name : undefined);
  if (tok !== undefined) names.tok = tok;
  const shown = [
    ['cred', 'credential', use.credential?.value, use.credential?.parts ?? []],
    ['con', 'consumer', use.consumer, []],
  ] as const;
  for (const [kind, field, value, parts] of shown) {
    const naming = readNaming(value);
    if ('text' in naming && naming.text.includes(MARK)) notes.push(`${kind}:redacted`);
    else if ('text' in naming) names[kind] = context.name(kind, use.system, ...parts, naming.text);
    else if (naming.reason === 'not-a-name') notes.push(`${kind}:not-a-name`);
    else if (naming.reason === 'not-unicode') {
      return { kind: 'rejected', field: use.pathOf(field), reason: NOT_UNICODE, redrivable: false };
    }
  }
  if (names.con !== undefined) personal.userName = String(use.consumer);
  const address = readClientAddress(use.address, context.profile.trustedProxies);
  if (address) {
    names.net = context.name('net', address.network);
    personal.address = address.address;
  }
  if (typeof use.agent === 'string' && use.agent !== '') personal.agent = use.agent;
  if (claims?.subject !== undefined) personal.subject = claims.subject;
  if (claims?.userName !== undefined) personal.userName = claims.userName;

  const placement = placementOf(names);
  if (placement === undefined) return { kind: 'ignored', why: 'shows no jti, token, credential or consumer' };

  const isKey = credential?.kind === 'key';
  const named = (names.cred !== undefined && use.credential?.verified === true) || (isKey && names.con !== undefined);
  const outcome = outcomeOf({
    status: use.status,
    reason: use.reason,
    upstream: use.upstream,
    attested: claims !== undefined || named || use.attested === true,
    anonymous,
  });
  if (use.status !== undefined) data['status'] = use.status;
  if (outcome.upstreamStatus !== undefined) data['upstreamStatus'] = outcome.upstreamStatus;
  if (use.reason !== undefined && outcome.type !== 'token.validated') data['reason'] = use.reason;
  if (outcome.type === 'token.rejected') data['class'] = refusalClass(use.reason, use.status, claims !== undefined);
  if (anonymous) data['anonymous'] = true;
  if (isKey && names.jti === undefined) data['kind'] = 'apiKey';
  if (credential?.scheme !== undefined) data['scheme'] = credential.scheme;
  const agent = agentProduct(use.agent);
  if (agent !== undefined) data['agent'] = agent;
  if (use.geo) data['geo'] = use.geo;
  if (use.proof === true) data['proof'] = { present: true };
  if (context.credentials.length > 0) data['raw'] = rawPaths(context.credentials);
  if (notes.length > 0) data['notes'] = notes;

  const draft: Draft = { type: outcome.type, time: use.time, names, data };
  if (use.version !== undefined) draft.version = use.version;
  if (use.gateway !== undefined) draft.gateway = use.gateway;
  if (use.region !== undefined) draft.region = use.region;
  if (use.api !== undefined) draft.api = use.api;
  const dedupe = dedupeOf(use, draft);
  return { kind: 'facts', sourceId: use.sourceId ?? sourceIdOf(use, dedupe), dedupe, drafts: [draft], personal };
}

/**
 * Which of the credentials in clear is the request's own. A key beside an Authorization header is not; a cut token
 * in the first place names nothing, and what stands further down may be another token.
 */
export function requestCredential(
  credentials: readonly FoundCredential[],
  authorization: boolean,
  tokenPath?: string,
): FoundCredential | undefined {
  if (credentials.length === 0) return undefined;
  if (tokenPath !== undefined) {
    const said = credentials.find(({ path }) => path === tokenPath);
    if (said) return said;
  }
  const request = credentials.filter(({ path }) => !ELSEWHERE.test(path));
  const token = request.find(
    ({ place, kind, path }) => kind === 'token' && (CARRIERS.has(place) || (place === 'body' && !path.includes('.'))),
  );
  if (token) return token;
  return authorization
    ? undefined
    : request.find(
        ({ place, kind }) => kind === 'key' && (place === 'key-header' || place === 'query' || place === 'bearer'),
      );
}
/** Answers, and addresses of other pages: their tokens are not what the request presented. */
const ELSEWHERE =
  /(?:^|\.)(?:response|raw_response|resp)(?:\.|$)|(?:^|[._])(?:referr?er|forwarded|location|redirect_uri)$/i;
const CARRIERS = new Set<FoundCredential['place']>(['bearer', 'dpop', 'query', 'token-header', 'cookie']);

/**
 * Whether the credential is surely what the gateway verified. Beside an Authorization header that somebody masked, a
 * cookie or query may hold another token, and must not be joined to the jti that the line attests.
 */
function isOfRequest(credential: FoundCredential | undefined, { authorization, tokenPath }: Use): boolean {
  if (credential === undefined || !authorization || credential.path === tokenPath) return true;
  return credential.place === 'bearer' || credential.place === 'dpop';
}

/** Paths of credentials in clear, each once, in the order of the line's precedence. */
export function rawPaths(credentials: readonly FoundCredential[]): string[] {
  return [...new Set(credentials.map(({ path }) => path))];
}

function dedupeOf(use: Use, { time, names, data, version, gateway, region, api }: Draft): string[] {
  const expiry = data['expiry'] as Expiry | undefined;
  const audiences = data['audiences'] as { kind: string; values?: string[]; raw?: string } | undefined;
  return [
    String(time),
    stringOf(use.status),
    stringOf(use.reason),
    names.jti ?? '',
    names.tok ?? '',
    names.cred ?? '',
    names.con ?? '',
    names.sub ?? '',
    names.cli ?? '',
    names.net ?? '',
    names.kid ?? '',
    stringOf(data['issuer']),
    stringOf(data['iat']),
    stringOf(data['nbf']),
    expiry ? `${expiry.kind} ${expiry.at ?? ''}` : '',
    audiences ? lengthPrefixed([audiences.kind, ...(audiences.values ?? []), audiences.raw ?? '']) : '',
    lengthPrefixed((data['scopes'] as string[] | undefined) ?? []),
    stringOf(version),
    stringOf(gateway),
    stringOf(region),
    stringOf(api),
    stringOf(use.method),
    stringOf(use.host),
    stringOf(use.path),
  ];
}

/** A request id can be chosen by the client, so time, host and gateway stand beside it (MODEL §2.1). */
function sourceIdOf(use: Use, dedupe: string[]): string {
  if (use.requestId !== undefined && !use.requestId.includes(MARK)) {
    return lengthPrefixed([wellFormed(use.requestId), String(use.time), stringOf(use.host), stringOf(use.gateway)]);
  }
  const all = [...dedupe, ...(use.distinguishing ?? []).map((value) => stringOf(value))];
  return createHash('sha256').update(lengthPrefixed(all)).digest('hex');
}

/** Typed: 200, 200.0 and their digits are one; text that cannot be Unicode keeps its difference by escapes. */
function stringOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return wellFormed(value);
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

const wellFormed = (text: string) => (text.isWellFormed() ? text : JSON.stringify(text));
