import type { Format, Name, NameKind, Names, ObservationType, SourceProfile } from '#lifecycle';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

/** A credential that stood in a line in clear. Its value is gone: `name` is the tok name of it. */
export interface FoundCredential {
  /** Where it stood, as a dotted path: `request.headers.authorization`. */
  path: string;
  /** `bearer`: in an Authorization header (or a field that the format defines as the request's token). */
  place:
    'bearer' | 'dpop' | 'basic' | 'query' | 'cookie' | 'set-cookie' | 'token-header' | 'key-header' | 'body' | 'text';
  kind: 'token' | 'key';
  /** Undefined for a cut one, which names nothing. */
  name?: Name;
  /** The Authorization scheme, lower case. */
  scheme?: string;
}

/** Gives names to what a line shows, under the tenant's secrets; the caller caches. */
export type NameGiver = (kind: NameKind, ...parts: string[]) => Name;

export interface ReadContext {
  profile: SourceProfile;
  name: NameGiver;
  /** The tok name of a SHA-256 in hex; undefined for anything else and for the digest of nothing. */
  nameOfDigest(sha256: string): Name | undefined;
  /** What the settings say of the jtis of one issuer; it goes before what the profile says of all. */
  jtisOf?(issuer: string): SourceProfile['jti'] | undefined;
  /** Found in this record by `redact`, in the order of precedence as the request's credential. */
  credentials: FoundCredential[];
}

/** One observation that a record states, before it gets its id. */
export interface Draft {
  /** A known observation; or, kept without effect, an unknown `tallystick.` type without prefix and version. */
  type: ObservationType | (string & {});
  /** effectiveAt in ms. */
  time: number;
  /** What its stream is about: default the placement of `names` (MODEL §1.3). */
  subject?: string;
  names: Names;
  version?: string;
  gateway?: string;
  region?: string;
  api?: string;
  data: Record<string, unknown>;
}

/** Personal fields in clear; they go into one encrypted box on the record's first event and nowhere else. */
export interface Personal {
  userName?: string;
  address?: string;
  agent?: string;
  subject?: string;
  [field: string]: string | undefined;
}

export type Reading =
  | {
      kind: 'facts';
      /** Identifies the record at its source; never depends on file name or transport. */
      sourceId: string;
      /** The declared dedupe fields as the adapter types them; equal lists are duplicates. */
      dedupe: string[];
      drafts: Draft[];
      personal?: Personal;
    }
  | { kind: 'ignored'; why: string }
  | {
      kind: 'rejected';
      /** Dotted path of the field at fault. */
      field: string;
      reason: string;
      /** Whether the same record could be read after settings or the profile change. */
      redrivable: boolean;
      name?: Name;
    };

/** One source format: what DOMAIN §4 asks each adapter to ship, as data where it is data. */
export interface Adapter {
  format: Format;
  /** Cheap and exact enough that no record of another shipped sample is taken. */
  detects(record: JsonObject): boolean;
  /** Field → unit of times and durations in this format. */
  units: Readonly<Record<string, string>>;
  /** Best identity first, in words of the format's fields. */
  identity: readonly string[];
  /** The dedupe fields, in order, and the version of that list. */
  dedupe: { version: number; fields: readonly string[] };
  /** Fields of this format beyond the common redaction list that hold credentials: path → how. */
  redaction: Readonly<Record<string, 'token' | 'key' | 'base64-http' | 'query'>>;
  /** How the format's outcomes map to observations. */
  outcomes: Readonly<Record<string, string>>;
  /** One realistic record, invented names and documentation addresses. */
  sample: JsonObject;
  read(record: JsonObject, context: ReadContext): Reading;
}
