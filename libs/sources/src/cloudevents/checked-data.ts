import { OBSERVATIONS, type ObservationType } from '#lifecycle';
import { z } from 'zod';
import { present } from '../parts.js';
import { faultOf } from './faults.js';
import type { IdentityFault } from './identity.js';

/** One field of a schema, and what its values must be where that is so plain that the schema need not be asked. */
interface Field {
  name: string;
  schema: z.ZodType;
  plain: 'string' | 'boolean' | 'integer' | undefined;
}

/** Types whose schemas have optional fields alone: the fields that an event has can be checked one by one. */
const FIELDS = new Map<string, Field[]>();
for (const [type, { shape }] of Object.entries(OBSERVATIONS)) {
  const fields = Object.entries(shape as Record<string, z.ZodType>);
  if (fields.every(([, schema]) => schema instanceof z.ZodOptional))
    FIELDS.set(
      type,
      fields.map(([name, schema]) => ({ name, schema, plain: plainOf((schema as z.ZodOptional<z.ZodType>).unwrap()) })),
    );
}

/** The data of a fact as its type's schema gives it: known fields in the schema's order, then the others. */
export function checkedData(
  type: ObservationType,
  data: Record<string, unknown>,
): { data: Record<string, unknown> } | { fault: IdentityFault } {
  const fields = FIELDS.get(type);
  const quick = fields && checkedByField(fields, data);
  if (quick) return { data: quick };
  const parsed = OBSERVATIONS[type].safeParse(data);
  if (!parsed.success) return { fault: faultOf('data', parsed.error.issues[0]!) };
  return { data: present(parsed.data as Record<string, unknown>) };
}

/**
 * The same as the whole schema gives, without the cost of the many fields that are not there; undefined where a field
 * is wrong, for then the schema says what is.
 */
function checkedByField(fields: readonly Field[], data: Record<string, unknown>): Record<string, unknown> | undefined {
  const out: Record<string, unknown> = {};
  let left = Object.keys(data).length;
  for (const { name, schema, plain } of fields) {
    const value = data[name];
    if (value === undefined) continue;
    left--;
    if (plain === 'integer' ? Number.isSafeInteger(value) : typeof value === plain) {
      out[name] = value;
      continue;
    }
    const parsed = schema.safeParse(value);
    if (!parsed.success) return undefined;
    out[name] = parsed.data;
  }
  if (left === 0) return out;
  for (const key of Object.keys(data)) {
    // As the schema does: what would be the prototype of an object is no field of it.
    if (key !== '__proto__' && data[key] !== undefined && !Object.hasOwn(out, key)) out[key] = data[key];
  }
  return out;
}

function plainOf(schema: z.ZodType): Field['plain'] {
  if (schema instanceof z.ZodString && !schema.def.checks?.length) return 'string';
  if (schema instanceof z.ZodBoolean) return 'boolean';
  const isInteger = schema instanceof z.ZodNumber && schema.isInt && schema.def.checks?.length === 1;
  return isInteger ? 'integer' : undefined;
}
