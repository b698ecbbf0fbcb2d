import { jsonSchemas } from '#lifecycle';
import type { IdentityFault } from './identity.js';

/** Issues whose texts are the schema's own; those of other kinds quote what stood in the event. */
const OWN_WORDS = new Set(['invalid_type', 'invalid_value', 'invalid_format', 'too_small', 'too_big', 'custom']);

/**
 * What a schema finds wrong, in the schema's words alone: a rejection is shown in clear, so neither a key nor a value
 * of the event may stand in it. Keys that no schema knows are written `*`.
 */
export function faultOf(
  at: string,
  issue: { code?: string | undefined; path: PropertyKey[]; message: string },
): IdentityFault {
  const path = issue.path.map((key) => (typeof key === 'number' || knownFields().has(String(key)) ? String(key) : '*'));
  const field = [at, ...path].join('.');
  if (issue.code === 'unrecognized_keys') return { field, reason: 'has an unknown field' };
  return { field, reason: OWN_WORDS.has(issue.code ?? '') ? issue.message : 'is of no form that is known' };
}

let known: Set<string> | undefined;

/** Every field name of every schema; made at the first fault. */
function knownFields(): Set<string> {
  if (known === undefined) {
    known = new Set();
    collect(jsonSchemas(), known);
  }
  return known;
}

function collect(schema: unknown, into: Set<string>): void {
  if (typeof schema !== 'object' || schema === null) return;
  for (const [key, value] of Object.entries(schema)) {
    if (key === 'properties' && typeof value === 'object' && value !== null) {
      for (const field of Object.keys(value as object)) into.add(field);
    }
    collect(value, into);
  }
}
