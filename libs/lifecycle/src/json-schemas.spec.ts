import { describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CONCLUSION_TYPES } from './conclusions.js';
import { jsonSchemas } from './json-schemas.js';
import { OBSERVATION_TYPES } from './observations.js';

const folder = fileURLToPath(new URL('../../../schemas/', import.meta.url));

describe('JSON Schemas', () => {
  const schemas = jsonSchemas();

  it('stand in schemas/ as they are generated, one for each observation and conclusion, and no others', () => {
    const files = readdirSync(folder).filter((name) => name.endsWith('.schema.json'));
    expect(files.sort()).toEqual(Object.keys(schemas).sort());
    expect(files).toHaveLength(OBSERVATION_TYPES.length + CONCLUSION_TYPES.length + 3);
    for (const name of files)
      expect(JSON.parse(readFileSync(folder + name, 'utf8'))).toEqual(JSON.parse(JSON.stringify(schemas[name])));
  });

  it('keep unknown fields of observations and refuse those of settings', () => {
    expect(schemas['tallystick.token.issued.v1.schema.json']).not.toMatchObject({ additionalProperties: false });
    expect(schemas['settings.schema.json']).toMatchObject({ additionalProperties: false });
  });

  it('say what a field must be', () => {
    expect(schemas['tallystick.fence.raised.v1.schema.json']).toMatchObject({
      required: expect.arrayContaining(['cutoff', 'match']),
    });
  });
});
