/**
 * Upcasting of old event versions when they are read (MODEL §2.4): the ledger's bytes stay as they were written, and
 * everything that folds sees the current version alone.
 */

/** The version in which an observation type is written today. All are at 1, the first. */
export const CURRENT_VERSION = 1;

/** The stored body of an event: what stands in its JSON beside id and type. */
export type StoredBody = Record<string, unknown>;
/** Brings a body to the next version. It must keep the fields that it does not know. */
export type Upcaster = (body: StoredBody) => StoredBody;

/** Short type → the version that a function takes → the function to the next version. */
export type Upcasters = Readonly<Record<string, Readonly<Record<number, Upcaster>>>>;

/** No observation has an older version yet; the first one that gets a new version puts its step here. */
export const UPCASTERS: Upcasters = {};

const VERSIONED = /^(tallystick\.(.+)\.v)(\d+)$/;

/**
 * Takes a body up to the current version, step by step. Where a step is missing (a type that this build does not
 * know, or one written by a newer version) type and body come back as they are: kept, shown, and folded to nothing.
 */
export function upcast(
  type: string,
  body: StoredBody,
  upcasters: Upcasters = UPCASTERS,
  current = CURRENT_VERSION,
): { type: string; body: StoredBody } {
  const match = VERSIONED.exec(type);
  if (match === null) return { type, body };
  const steps = upcasters[match[2]!];
  let version = Number(match[3]);
  let at = body;
  while (version < current) {
    const step = steps?.[version];
    if (step === undefined) return { type, body };
    at = step(at);
    version++;
  }
  return { type: `${match[1]}${version}`, body: at };
}
