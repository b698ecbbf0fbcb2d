import { z } from 'zod';
import { CONCLUSIONS, CONCLUSION_TYPES } from './conclusions.js';
import { contractSchema } from './contract.js';
import { fullType, namesSchema, OBSERVATIONS, OBSERVATION_TYPES } from './observations.js';
import { settingsSchema } from './settings.js';

const DRAFT = 'https://json-schema.org/draft/2020-12/schema';

/** A fact as a CloudEvent (JSON format): the envelope that every observation shares. */
const envelope = z.looseObject({
  specversion: z.literal('1.0'),
  id: z.string().min(1),
  source: z.string().min(1),
  type: z.enum(OBSERVATION_TYPES.map((type) => fullType(type)) as [string, ...string[]]),
  subject: z.string().optional(),
  time: z.iso.datetime({ offset: true }),
  datacontenttype: z.literal('application/json').optional(),
  tenant: z.string().optional(),
  partitionkey: z.string().optional(),
  traceparent: z.string().optional(),
  data: z.looseObject({ names: namesSchema.optional() }),
});

/**
 * The JSON Schemas that `schemas/` holds, by file name: the data of each observation and conclusion, the envelope,
 * settings and contracts. Generated from the zod schemas that the product itself checks with.
 */
export function jsonSchemas(): Record<string, object> {
  const out: Record<string, object> = {
    'cloudevent.schema.json': schemaOf(envelope, 'A fact as a CloudEvent'),
    'settings.schema.json': schemaOf(settingsSchema, 'The settings document of `tally settings`'),
    'contract.schema.json': schemaOf(contractSchema, 'What a version of a component accepts'),
  };
  for (const type of OBSERVATION_TYPES) {
    out[`${fullType(type)}.schema.json`] = schemaOf(OBSERVATIONS[type], `The data of ${fullType(type)}`);
  }
  for (const type of CONCLUSION_TYPES)
    out[`${fullType(type)}.schema.json`] = schemaOf(CONCLUSIONS[type], `The data of ${fullType(type)}: a conclusion`);
  return out;
}

function schemaOf(schema: z.ZodType, title: string): object {
  return {
    $schema: DRAFT,
    title,
    ...z.toJSONSchema(schema, { target: 'draft-2020-12', io: 'input', unrepresentable: 'any' }),
  };
}
