import { describe, expect, it } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const read = (name: string): string => readFileSync(join(root, name), 'utf8');
const lines = read('Dockerfile')
  .replace(/\\\n/g, ' ')
  .split('\n')
  .filter((line) => /^[A-Z]/.test(line));
const allowed = read('.dockerignore')
  .split('\n')
  .filter((line) => line.startsWith('!'))
  .map((line) => line.slice(1));

/** Sources of the COPY lines of the build context, or of the stage before. */
function copied(ofStage: boolean): string[] {
  return lines
    .filter((line) => line.startsWith('COPY ') && line.includes('--from=') === ofStage)
    .flatMap((line) => line.split(/\s+/).slice(1, -1))
    .filter((word) => !word.startsWith('--'));
}

describe('the image', () => {
  it('is made of files that are there and that the build is given', () => {
    const sources = copied(false);
    expect(sources.length).toBeGreaterThan(5);
    for (const source of sources) {
      expect(existsSync(join(root, source))).toBe(true);
      expect(allowed.some((path) => source === path || source.startsWith(`${path}/`))).toBe(true);
    }
  });

  it('has what the program reads when it runs', () => {
    const runs = copied(true).map((path) => path.replace('/src/', ''));
    expect(runs).toEqual(
      expect.arrayContaining([
        'package.json',
        'node_modules',
        'bin',
        'dist',
        'libs/analytics/migrations',
        'libs/analytics/queries',
      ]),
    );
  });

  it('has no secret, nor a data directory, in its context', () => {
    expect(read('.dockerignore').split('\n')).toContain('*');
    for (const path of ['.env', 'secrets', '.tally', '.git']) expect(allowed).not.toContain(path);
    const ignored = read('.gitignore').split('\n');
    expect(ignored).toEqual(expect.arrayContaining(['.env', 'secrets/']));
  });

  it('compose names each variable that .env.example explains, and no other', () => {
    const used = new Set([...read('docker-compose.yml').matchAll(/\$\{(\w+)/g)].map(([, name]) => name));
    const told = new Set([...read('.env.example').matchAll(/^(\w+)=/gm)].map(([, name]) => name));
    expect(told).toEqual(used);
  });
});
