import { describe, expect, it } from '@jest/globals';
import { readdirSync } from 'node:fs';
import type { Format } from '#lifecycle';
import { caseLines, readRecord } from './case-readings.js';
import { detectFormat } from './detect.js';
import { ADAPTERS } from './registry.js';
import { schemaFaults } from './testing.js';

const samples = Object.values(ADAPTERS).map((adapter) => [adapter.format, adapter.sample] as const);

describe('detection', () => {
  it.each(samples)('%s alone takes its own sample', (format, sample) => {
    const takers = Object.values(ADAPTERS).filter((adapter) => adapter.detects(structuredClone(sample)));
    expect(takers.map((adapter) => adapter.format)).toEqual([format]);
    expect(detectFormat(sample, 'tyk')).toBe(format);
  });

  it('knows each line of the cases', () => {
    for (const file of readdirSync(new URL('../cases/', import.meta.url))) {
      for (const line of caseLines(file)) {
        if ('json' in line) expect([file, detectFormat(line.json)]).toEqual([file, file.split('.')[1]]);
      }
    }
  });

  it.each([[{}], [{ request: {}, response: {} }], [{ time: 1 }], [{ status: '200' }], [{ id: '1', type: 'x' }]])(
    '%j is of no format',
    (record) => {
      expect(detectFormat(record)).toBeUndefined();
    },
  );
});

describe('samples', () => {
  it.each(samples)('%s reads its own, without a credential', (format, sample) => {
    const { reading, credentials } = readRecord(format as Format, sample);
    expect(credentials).toEqual([]);
    if (reading.kind !== 'facts') throw new Error(JSON.stringify(reading));
    expect(schemaFaults(reading.drafts)).toEqual([]);
  });
});
