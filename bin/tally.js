#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../dist/apps/cli/src/main.js', import.meta.url));
if (!existsSync(main)) {
  process.stderr.write('tally: not built yet. Run `npm run build` (or `npm start`) first.\n');
  process.exit(1);
}
await import(main);
