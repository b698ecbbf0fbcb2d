import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Needs Go: compose-go and BuildKit's parser read the files as Docker does. */
const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..', '..');
const folder = mkdtempSync(join(tmpdir(), 'tally-compose-'));
const program = join(folder, 'check');
const files = {
  'docker-compose.yml': readFileSync(join(root, 'docker-compose.yml'), 'utf8'),
  Dockerfile: readFileSync(join(root, 'Dockerfile'), 'utf8'),
};

beforeAll(() => {
  execFileSync('go', ['build', '-o', program, '.'], { cwd: join(here, 'check'), stdio: 'pipe' });
}, 600_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function checked(changed: Partial<typeof files>): string {
  for (const [name, text] of Object.entries({ ...files, ...changed })) writeFileSync(join(folder, name), text);
  const run = spawnSync(program, [join(folder, 'docker-compose.yml'), join(folder, 'Dockerfile')], {
    encoding: 'utf8',
  });
  return run.status === 0 ? 'ok' : run.stderr;
}

describe('the compose file and the image', () => {
  it('are read, and keep what they promise', () => {
    expect(checked({})).toBe('ok');
  });

  const compose = (from: string, to: string): Partial<typeof files> => {
    expect(files['docker-compose.yml']).toContain(from);
    return { 'docker-compose.yml': files['docker-compose.yml'].replace(from, to) };
  };
  const image = (from: string, to: string): Partial<typeof files> => {
    expect(files.Dockerfile).toContain(from);
    return { Dockerfile: files.Dockerfile.replace(from, to) };
  };
  it.each<[string, () => Partial<typeof files>, RegExp]>([
    ['an unknown key', () => compose('    hostname: kafka', '    hostnam: kafka'), /hostnam/],
    [
      'an image without a version',
      () => compose('apache/kafka:4.1.1', 'apache/kafka'),
      /kafka: the image has no version/,
    ],
    ['capabilities', () => compose('cap_drop: [ALL]', 'cap_drop: []'), /keeps capabilities/],
    ['a network that is not there', () => compose('networks: [inside, outside]', 'networks: [inside, away]'), /away/],
    ['every address', () => compose('${TALLY_API_ADDRESS:-127.0.0.1}:', ''), /api: listens on every address/],
    ['a secret', () => compose('CLICKHOUSE_DB: tallystick', 'CLICKHOUSE_PASSWORD: x'), /has a secret/],
    ['root', () => image('USER 10001:10001', 'USER root'), /runs as root/],
    ['an unknown instruction', () => image('EXPOSE 8080', 'EXPOSES 8080'), /EXPOSES/],
    ['no health check', () => image('HEALTHCHECK', '# HEALTHCHECK'), /no health check/],
  ])('%s is found', (_what, change, fault) => {
    expect(checked(change())).toMatch(fault);
  });
});
