/** Writes the JSON Schemas and the AsyncAPI document, or with --check says which are out of date. Build first. */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { asyncApi } from '../dist/libs/intake/src/kafka/asyncapi.js';
import { jsonSchemas } from '../dist/libs/lifecycle/src/index.js';

const here = fileURLToPath(new URL('.', import.meta.url));
const wanted = new Map(Object.entries(jsonSchemas()).map(([name, schema]) => [name, `${JSON.stringify(schema, null, 2)}\n`]));
const { version } = JSON.parse(readFileSync(`${here}../package.json`, 'utf8'));
wanted.set('asyncapi.json', `${JSON.stringify(asyncApi(version), null, 2)}\n`);
const stale = [];
for (const [name, text] of wanted) {
  if (!existsSync(here + name) || readFileSync(here + name, 'utf8') !== text) stale.push(name);
}
for (const name of readdirSync(here)) if (name.endsWith('.schema.json') && !wanted.has(name)) stale.push(name);
if (process.argv.includes('--check')) {
  if (stale.length > 0) console.error(`out of date: ${stale.join(', ')}; run node schemas/generate.mjs`);
  process.exit(stale.length > 0 ? 1 : 0);
}
for (const name of stale) {
  if (wanted.has(name)) writeFileSync(here + name, wanted.get(name));
  else rmSync(here + name);
}
console.log(`${wanted.size} schemas, ${stale.length} written`);
