import { expect, it } from '@jest/globals';
import { namingSecrets, settingsSchema } from '#lifecycle';
import { ADAPTERS } from '#sources';
import { Preparer } from './prepare.js';

const box = { keyId: 'k', box: 'sealed' };
const settings = settingsSchema.parse({ sources: { idp: { format: 'cloudevents', authority: 'issuer' } } });
const options = {
  tenant: 'default',
  settings,
  secrets: namingSecrets(0, Buffer.alloc(32, 1), Buffer.alloc(32, 2)),
  vault: { ensure: () => undefined, seal: () => box },
  today: 1,
  source: 'auto',
};
const revocation = {
  ...ADAPTERS.cloudevents.sample,
  type: 'tallystick.token.revoked.v1',
  data: { issuer: 'https://idp.example', jti: 'j-1' },
};
const line = { kind: 'text', line: 1, text: JSON.stringify(revocation) } as const;

it('a record that its topic may not state cannot come in by a redrive either', () => {
  const refused = 'is a source of authority issuer, and this topic is for gateway events';
  const [prepared] = new Preparer({ ...options, route: () => ({ field: 'source', refused }) }).lines([line]);
  expect(prepared).toMatchObject({
    kind: 'rejected',
    rejection: { field: 'source', reason: refused },
    letter: { redrivable: false, box },
  });
  // What it would be: a redrive asks no topic.
  expect(new Preparer(options).redriven(revocation, [], 1)).toMatchObject({ kind: 'facts', source: 'idp' });
});
