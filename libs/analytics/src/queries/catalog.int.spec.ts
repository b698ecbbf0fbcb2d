import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AnalyticsEngine } from '../engine.js';
import { migrate } from '../migrate.js';
import { engineForSpec } from '../testing-server/index.js';
import { readAuthority } from './authority.js';
import { queryCatalog } from './catalog.js';
import { Reader } from './reader.js';
import { runQuery } from './run-query.js';

let folder: string;
let engine: AnalyticsEngine;
let reader: Reader;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tally-queries-'));
  engine = await engineForSpec(folder);
  await migrate(engine);
  reader = await Reader.beside(engine);
});
afterAll(async () => {
  await reader.close();
  await engine.close();
  rmSync(folder, { recursive: true, force: true });
});

describe.each([...queryCatalog().values()])('the query $name', (query) => {
  it('runs its example on nothing, and gives the columns that its head tells of', async () => {
    const authority = await readAuthority(engine, 'default');
    const context = { tenant: 'default', clock: Date.UTC(2026, 2, 11), authority };
    const { columns } = await runQuery(reader, query, query.example, context);
    const { x, y, series } = query.chart;
    for (const column of [...query.times, ...y, ...(x ? [x] : []), ...(series ? [series] : [])])
      expect(columns).toContain(column);
    // Columns become headings, and keys of JSON.
    for (const column of columns) expect(column).toMatch(/^[a-z][A-Za-z]*$/);
  });
});
