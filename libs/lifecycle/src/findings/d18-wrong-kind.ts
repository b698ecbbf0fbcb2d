import type { Finding } from '../view.js';
import { acceptedUses, at, finding, type FindingContext } from './context.js';

/** `typ` values that are never an access token (RFC 8417, OIDC logout, RFC 9101, DPoP). */
const NEVER_ACCESS: ReadonlySet<string> = new Set([
  'secevent+jwt',
  'logout+jwt',
  'dpop+jwt',
  'oauth-authz-req+jwt',
  'statuslist+jwt',
]);

/**
 * D18, a token of another kind used as an access token: an id token, a security event, or a `typ` other than the one
 * that the settings declare for the issuer's access tokens. Anchor: token.
 */
export function wrongKind(context: FindingContext): Finding[] {
  const { view, world, watermarks } = context;
  const accepted = acceptedUses(view).filter((use) => {
    const profile = world.resolver.profile(use.source);
    return use.via === 'validated' && profile?.authority === 'gateway';
  });
  if (accepted.length === 0) return [];
  const typ = view.typ?.toLowerCase();
  const declared =
    view.issuer === undefined ? undefined : world.settings.issuers[view.issuer]?.accessTokenTyp?.toLowerCase();
  let why: string | undefined;
  if (view.kind === 'id') why = 'an id token was accepted as an access token';
  else if (view.kind === 'logout' || (typ !== undefined && NEVER_ACCESS.has(bare(typ)))) {
    why = `a token of typ ${view.typ ?? view.kind} was accepted as an access token`;
  } else if (declared !== undefined && typ !== undefined && bare(typ) !== bare(declared)) {
    why = `accepted with typ ${view.typ}, its issuer's access tokens have ${declared}`;
  }
  if (why === undefined) return [];
  const last = Math.max(...accepted.map((use) => use.last));
  return [
    finding('D18', [view.name], {
      kind: 'wrong kind of token accepted',
      severity: 'high',
      provisional: !watermarks.reached(new Set(accepted.map((use) => use.source)), accepted[0]!.first),
      tokens: [view.name],
      family: view.family,
      gateway: accepted[0]!.gateway,
      summary: why,
      evidence: {
        typ: view.typ ?? null,
        kind: view.kind,
        firstAccepted: at(accepted[0]!.first),
        lastAccepted: at(last),
      },
    }),
  ];
}

/** RFC 7515 §4.1.9: `application/` may be left out. */
function bare(typ: string): string {
  return typ.replace(/^application\//, '');
}
