import { expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { contractSchema } from '#lifecycle';
import { declarationSchema } from './deployments.js';

it('the example of docs/deployments.md is a declaration, and shows every key of a contract', () => {
  const text = readFileSync(new URL('../../../../docs/deployments.md', import.meta.url), 'utf8');
  const [block] = [...text.matchAll(/```json\n([\s\S]*?)```/g)]
    .map((found) => found[1]!)
    .filter((json) => json.includes('"contract"'));
  const { contract } = declarationSchema.parse(JSON.parse(block!));
  expect(Object.keys(contract!).sort()).toEqual(Object.keys(contractSchema.shape).sort());
});
