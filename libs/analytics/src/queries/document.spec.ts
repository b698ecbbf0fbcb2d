import { expect, it } from '@jest/globals';
import { readFileSync, writeFileSync } from 'node:fs';
import { queryCatalog } from './catalog.js';
import { queriesPage } from './document.js';

/** `UPDATE_DOCS=1` writes the page anew; its lead, up to the first table, is written by hand. */
it('docs/queries.md tells of every query what its file says', () => {
  const file = new URL('../../../../docs/queries.md', import.meta.url);
  const page = readFileSync(file, 'utf8');
  const lead = page.slice(0, page.indexOf('| query | what |'));
  const fresh = queriesPage(queryCatalog().values(), lead);
  if (process.env['UPDATE_DOCS'] === '1') writeFileSync(file, fresh);
  else expect(page).toBe(fresh);
});
