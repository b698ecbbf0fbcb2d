/** A request, as far as a token on it is judged. */
export interface PresentedRequest {
  /** Names in lower case, as Node gives them. */
  headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  method?: string;
  /** As the client wrote it, `https://api.example.com/orders`: a DPoP proof names it. */
  url?: string;
  /** The certificate of the client (DER), or its thumbprint (`x5t#S256`), after TLS or a trusted proxy verified it. */
  clientCertificate?: Uint8Array | { x5t: string };
  clientIp?: string;
  /** What is called, in your words: `orders`. */
  api?: string;
}

export type Presented =
  | { kind: 'none' }
  | { kind: 'token'; scheme: 'bearer' | 'dpop'; token: string }
  | { kind: 'apiKey'; key: string }
  | { kind: 'invalid'; description: string };

/** RFC 6750 §2.1: `b64token`. */
const TOKEN = /^[A-Za-z0-9._~+/-]+=*$/;
const LONGEST = 16_384;

/** What a request presents: at most one credential, by one method (RFC 6750 §2, §3.1). */
export function readPresented({ headers }: PresentedRequest, keyHeader: string | undefined): Presented {
  const { authorization } = headers;
  const key = keyHeader === undefined ? undefined : headers[keyHeader.toLowerCase()];
  if (Array.isArray(authorization) || Array.isArray(key)) return invalid('A credential is given more than once');
  const match = typeof authorization === 'string' ? /^(bearer|dpop)(?: +(.*))?$/i.exec(authorization.trim()) : null;
  const hasKey = typeof key === 'string' && key !== '';
  // Basic, Negotiate and the like are another's business: no token is presented.
  if (match === null) return hasKey ? readKey(key) : { kind: 'none' };
  if (hasKey) return invalid('More than one method is used to present a credential');
  const token = match[2] ?? '';
  if (token.length > LONGEST || !TOKEN.test(token))
    return invalid('The Authorization header holds no well-formed token');
  return { kind: 'token', scheme: match[1]!.toLowerCase() as 'bearer' | 'dpop', token };
}

function readKey(key: string): Presented {
  return key.length <= LONGEST && /^[\x21-\x7e]+$/.test(key)
    ? { kind: 'apiKey', key }
    : invalid('The API key is not well-formed');
}

const invalid = (description: string): Presented => ({ kind: 'invalid', description });

/** The one value of a header, if it is there once. */
export function headerOf({ headers }: PresentedRequest, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}
