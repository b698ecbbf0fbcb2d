import { formatTime, RULES_VERSION, type TokenView } from '#lifecycle';
import type { Frame } from './frame.js';
import { shown } from './when.js';

/** The stable shape of `tally token show`; times are ISO 8601 in UTC, names 32 hex digits, absent values null. */
export interface TokenAnswer {
  name: string;
  names: string[];
  issuer: string | null;
  jti: string | null;
  kind: string;
  status: string;
  flags: string[];
  subject: string | null;
  client: string | null;
  audiences: string[] | null;
  scopes: string[] | null;
  family: string | null;
  parent: string | null;
  issuedAt: string | null;
  expiry: { kind: string; at: string | null; raw: string | number | null; unit: string; flags: string[] };
  endedAt: string | null;
  cause: string | null;
  versions: { issued: string[]; accepted: string[]; refused: string[] };
  asOf: Record<string, unknown>;
  knownAt: { position: string; time: string | null };
  watermark: Record<string, string>;
  settings: { digest: string; rules: string };
}

export function tokenAnswer(view: TokenView, frame: Frame): TokenAnswer {
  return {
    name: view.name,
    names: view.names,
    issuer: view.issuer ?? null,
    jti: view.jti ?? null,
    kind: kindOf(view),
    status: view.status,
    flags: view.flags,
    subject: view.subject ?? null,
    client: view.client ?? null,
    audiences: view.audiences === undefined ? null : (view.audiences.values ?? []),
    scopes: view.scopes ?? null,
    family: view.family ?? null,
    parent: view.parent ?? null,
    issuedAt: shown(view.issuedAt ?? view.iat),
    expiry: { ...view.expiry, at: shown(view.expiry.at) },
    endedAt: shown(view.endedAt),
    cause: view.cause ?? null,
    versions: view.versions,
    asOf: frame.asOf,
    knownAt: frame.knownAt,
    watermark: Object.fromEntries(
      Object.entries(frame.history.watermarks.toJSON()).map(([source, at]) => [source, formatTime(at)]),
    ),
    settings: { digest: frame.history.world.settingsDigest, rules: RULES_VERSION },
  };
}

/** jwt, opaque, refresh, id, apiKey, exchanged and so on; `access` where no line shows the form. */
function kindOf(view: TokenView): string {
  const isAccess = view.kind === 'access' || view.kind === 'unknown';
  if (!isAccess) return view.kind;
  return view.exchanged ? 'exchanged' : (view.form ?? view.kind);
}
