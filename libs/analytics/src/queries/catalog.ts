import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { analyticsFolder } from '../migrate.js';
import { UnknownQuery } from './errors.js';
import { readQuery, type NamedQuery } from './front-matter.js';

let catalog: ReadonlyMap<string, NamedQuery> | undefined;

/** Every named query, by name in alphabetical order; read once. @throws BadQueryFile */
export function queryCatalog(): ReadonlyMap<string, NamedQuery> {
  if (catalog === undefined) {
    const folder = analyticsFolder('queries');
    const files = readdirSync(folder).filter((file) => file.endsWith('.sql'));
    catalog = new Map(
      files.sort().map((file) => {
        const name = file.slice(0, -'.sql'.length);
        return [name, readQuery(name, readFileSync(join(folder, file), 'utf8'))];
      }),
    );
  }
  return catalog;
}

/** @throws UnknownQuery, with the nearest names */
export function namedQuery(name: string): NamedQuery {
  const query = queryCatalog().get(name);
  if (query === undefined) throw new UnknownQuery(name, nearest(name, [...queryCatalog().keys()]));
  return query;
}

/** Names that hold the text or lie within a few typing errors of it, nearest first; at most three. */
export function nearest(text: string, names: readonly string[]): string[] {
  const wanted = text.toLowerCase();
  return names
    .map((name) => ({ name, far: name.includes(wanted) && wanted.length > 2 ? 0 : distance(wanted, name) }))
    .filter(({ name, far }) => far <= Math.max(2, Math.floor(name.length / 3)))
    .sort((a, b) => a.far - b.far || (a.name < b.name ? -1 : 1))
    .slice(0, 3)
    .map(({ name }) => name);
}

/** Levenshtein distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_each, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
}
