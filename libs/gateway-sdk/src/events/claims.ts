/** The claims that the intake reads; all others are told by name alone, for their values may be anybody's. */
const TEXTS = ['iss', 'sub', 'jti', 'client_id', 'azp', 'sid', 'typ'] as const;
const TIMES = ['iat', 'nbf', 'exp'] as const;
const LISTS = ['aud', 'scope', 'scp'] as const;
const MOST_NAMES = 64;
const DEEPEST_ACTOR = 32;

type Payload = Readonly<Record<string, unknown>>;
type Plain = string | number | boolean | null;

/** The registered claims of a verified payload, copied: the caller may change its own afterwards. */
export function pickClaims(payload: Payload): Record<string, unknown> {
  const picked: Record<string, unknown> = {};
  for (const claim of TEXTS) if (isPlain(payload[claim])) picked[claim] = payload[claim];
  for (const claim of TIMES) if (isPlain(payload[claim])) picked[claim] = payload[claim];
  for (const claim of LISTS) {
    const value = payload[claim];
    if (isPlain(value)) picked[claim] = value;
    // What an audience must not be is told as such, and never what it was.
    else if (Array.isArray(value)) picked[claim] = value.map((item: unknown) => (isPlain(item) ? item : {}));
    else if (value !== undefined) picked[claim] = {};
  }
  const { cnf, act } = payload;
  if (isObject(cnf)) picked['cnf'] = onlyTexts(cnf, ['jkt', 'x5t#S256']);
  if (isObject(act)) picked['act'] = chainOf(act);
  return picked;
}

export function pickHeader(header: Payload): Record<string, unknown> {
  return onlyTexts(header, ['alg', 'kid', 'typ']);
}

/** Which claims a token has; contracts ask for it. */
export function claimNames(payload: Payload): string[] {
  return Object.keys(payload)
    .slice(0, MOST_NAMES)
    .map((name) => (name.length > 64 ? name.slice(0, 64) : name));
}

/** How many actors stand behind each other (RFC 8693 §4.1), and not who they are. */
function chainOf(act: Payload): Record<string, unknown> {
  const chain: Record<string, unknown> = {};
  let link = chain;
  for (let at: unknown = act['act'], depth = 1; isObject(at) && depth < DEEPEST_ACTOR; at = at['act'], depth++) {
    const next: Record<string, unknown> = {};
    link['act'] = next;
    link = next;
  }
  return chain;
}

function onlyTexts(from: Payload, keys: readonly string[]): Record<string, unknown> {
  const texts: Record<string, unknown> = {};
  for (const key of keys) if (typeof from[key] === 'string') texts[key] = from[key];
  return texts;
}

function isPlain(value: unknown): value is Plain {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || value === null;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
