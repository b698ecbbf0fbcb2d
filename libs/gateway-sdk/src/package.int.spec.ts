import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startProduct, type Running } from './testing.js';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../../', import.meta.url));
const readme = readFileSync(join(root, 'libs/gateway-sdk/README.md'), 'utf8');
/** Blocks marked `js` are whole programs; `ts` ones are parts. */
const examples = [...readme.matchAll(/^```js\n([\s\S]*?)^```$/gm)].map(([, code]) => code ?? '');

let folder: string;
let stranger: string;
let packed: string[];
let product: Running;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tally-pack-'));
  // Packed from a copy: a test builds nothing in the tree.
  const copy = join(folder, 'tree');
  for (const path of ['package.json', 'tsconfig.json', 'libs/gateway-sdk', 'libs/lifecycle/src', 'libs/platform/src']) {
    cpSync(join(root, path), join(copy, path), { recursive: true, filter: (file) => !file.endsWith('/dist') });
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  const from = join(copy, 'libs/gateway-sdk');
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], { cwd: from });
  const [told] = JSON.parse(stdout.slice(stdout.indexOf('['))) as { filename: string; files: { path: string }[] }[];
  packed = told!.files.map(({ path }) => path).sort();

  stranger = join(folder, 'stranger');
  mkdirSync(stranger);
  const dependencies = {
    '@tallystick/gateway-sdk': `file:${join(folder, told!.filename)}`,
    jose: `file:${join(root, 'node_modules/jose')}`,
  };
  writeFileSync(join(stranger, 'package.json'), JSON.stringify({ name: 'stranger', type: 'module', dependencies }));
  await run('npm', ['install', '--offline', '--no-audit', '--no-fund', '--legacy-peer-deps'], { cwd: stranger });
  product = await startProduct({ sources: { edge: { format: 'cloudevents', authority: 'gateway' } } });
});
afterAll(async () => {
  await product?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function runAsStranger(code: string): Promise<string> {
  writeFileSync(join(stranger, 'example.mjs'), code);
  const { url, bearer, tokenSecret } = product;
  const env = {
    PATH: process.env['PATH'],
    TALLY_URL: url,
    TALLY_BEARER: bearer,
    TALLY_TOKEN_SECRET: JSON.stringify(tokenSecret),
  };
  const { stdout } = await run(process.execPath, ['example.mjs'], { cwd: stranger, env });
  return stdout;
}

describe('the package', () => {
  it('holds its own files and the few that it takes along, no spec, no source, and no other dependency', () => {
    expect(packed).toEqual(expect.arrayContaining(['package.json', 'README.md', 'dist/gateway-sdk/src/index.js']));
    const foreign = packed.filter((path) => !/^dist\/gateway-sdk\/|^(package\.json|README\.md)$/.test(path));
    expect(foreign.filter((path) => path.endsWith('.js'))).toEqual([
      ...['dist/lifecycle/src/names.js', 'dist/lifecycle/src/refusal-reasons.js'],
      ...['dist/platform/src/errors.js', 'dist/platform/src/plaintext.js'],
    ]);
    expect(packed.filter((path) => /spec|testing/.test(path))).toEqual([]);
    expect(
      readdirSync(join(stranger, 'node_modules'))
        .filter((name) => !name.startsWith('.'))
        .sort(),
    ).toEqual(['@tallystick', 'jose']);
  });

  it('says what is missing where brokers are given and kafkajs is not there', async () => {
    const code = `import { createEmitter } from '@tallystick/gateway-sdk';
      try { createEmitter({ authority: 'gateway', source: 'edge', brokers: ['127.0.0.1:9'] }); } catch (e) { console.log(e.code); }`;
    expect(await runAsStranger(code)).toBe('TALLY_SDK_KAFKA_CLIENT_MISSING\n');
  });

  it('has types that a stranger’s strict project compiles with', async () => {
    writeFileSync(
      join(stranger, 'use.ts'),
      `import { createEmitter, createVerifier } from '@tallystick/gateway-sdk';
       const emitter = createEmitter({ authority: 'gateway', source: 'edge', url: 'https://x.example', bearer: 'b' });
       emitter.validated({ token: 't' });
       // @ts-expect-error a gateway may not revoke
       emitter.revoked({ token: 't' });
       createVerifier({ issuers: {}, emitter });`,
    );
    const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules/@types')];
    const options = ['--noEmit', '--strict', '--target', 'es2023', '--module', 'nodenext', ...types, 'use.ts'];
    await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), ...options], { cwd: stranger });
  });
});

describe('the examples of the README run', () => {
  const expected = [
    /^\{ undelivered: 0, accepted: 2 \}\n$/,
    /^signed by gw-a-2026\n\{ undelivered: 0 \}\n$/,
    /^\[ 200, 'hello ada' \]\n\[\n? *401,\n? *'\{"error":"invalid_token","error_description":"The access token is not active"\}'\n? *\]\n$/,
  ];
  it.each(expected.map((output, i) => [i + 1, output] as const))('%i', async (n, output) => {
    expect(examples).toHaveLength(expected.length);
    expect(await runAsStranger(examples[n - 1]!)).toMatch(output);
  });
});
