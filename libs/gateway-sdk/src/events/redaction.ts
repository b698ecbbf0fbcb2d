const MARK = '[redacted]';
/** A run that starts like a JWT, complete or cut, with its signature part (MODEL §9.3). */
const JWT_RUN = /eyJ[A-Za-z0-9_.~+/=%-]*/g;
/** Shorter than this, a key is also a word of its own, and may stand anywhere. */
const LEAST = 8;

/**
 * An event's JSON without anything that looks like a JWT, wherever somebody put it (a path, an agent, an id). Digests
 * and names never look so. The run holds no quote, so that JSON stays JSON.
 */
export function withoutTokens(json: string): string {
  return json.includes('eyJ') ? json.replace(JWT_RUN, MARK) : json;
}

/** The same value without the raw token in any of its texts, at any depth; in place where it is an object. */
export function without<T>(value: T, raw: string): T {
  return raw.length < LEAST ? value : (scrub(value, raw) as T);
}

function scrub(value: unknown, raw: string): unknown {
  if (typeof value === 'string') {
    return value.length >= raw.length && value.includes(raw) ? value.replaceAll(raw, MARK) : value;
  }
  if (typeof value !== 'object' || value === null) return value;
  const holder = value as Record<string, unknown>;
  for (const key in holder) {
    const before = holder[key];
    const after = scrub(before, raw);
    if (after !== before) holder[key] = after;
  }
  return value;
}

/** Whether something was taken out of a text: then it names nothing any more. */
export function isRedacted(text: string): boolean {
  return text.includes(MARK);
}
