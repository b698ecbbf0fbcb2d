import { describe, expect, it } from '@jest/globals';
import { blueGreen, jti, MINUTE, SWITCH, T0, unissued, use, view } from './fixtures.js';
import { revocationLag, versionMatrix } from './matrix.js';

describe('issued version by validated version', () => {
  it('counts each token once a cell, and names what it cannot attribute', () => {
    const intervals = blueGreen();
    const byV2 = { issuedAt: SWITCH, issuedBy: { at: SWITCH, authority: 'issuer' as const } };
    const cells = versionMatrix(
      [
        view({ uses: [use({ first: T0 + 1 }), use({ first: T0 + 2 }), use({ first: SWITCH })] }),
        view({ ...byV2, uses: [use({ first: SWITCH + 1, version: 'v1', outcome: 'refused' })] }),
        view({ uses: [use({ first: SWITCH - 1, last: SWITCH }), use({ first: SWITCH, shadow: true })] }),
        unissued(view({ uses: [use({ first: T0 - 1 })] })),
      ],
      { issuing: intervals, validating: intervals },
    );
    expect(cells).toEqual([
      { issued: 'unknown', validated: 'unknown', accepted: 1, refused: 0 },
      { issued: 'v1', validated: 'ambiguous', accepted: 1, refused: 0 },
      { issued: 'v1', validated: 'v1', accepted: 1, refused: 0 },
      { issued: 'v1', validated: 'v2', accepted: 1, refused: 0 },
      { issued: 'v2', validated: 'v1', accepted: 0, refused: 1 },
    ]);
  });
});

describe('revocation lag, region by region', () => {
  const region = (gateway: string): string | undefined => ({ 'gw-a': 'eu', 'gw-b': 'us' })[gateway];

  it('is the latest acceptance after the end, and nought where only refusals follow', () => {
    const ends = [{ kind: 'revoked' as const, at: T0, cause: 'x', authority: 'gateway' as const, gateway: 'gw-a' }];
    const cells = revocationLag(
      [
        view({
          ends,
          uses: [
            use({ first: T0 - 1 }),
            use({ first: T0 + MINUTE, gateway: 'gw-b' }),
            use({ first: T0 + 5, outcome: 'refused' }),
          ],
        }),
        view({ name: jti(2), ends, uses: [use({ first: T0 + 2 * MINUTE, gateway: 'gw-b' })] }),
        view({ name: jti(3), uses: [use({ first: T0 + MINUTE })] }),
      ],
      region,
    );
    expect(cells).toEqual([
      { from: 'eu', to: 'eu', tokens: 1, lagMs: 0 },
      { from: 'eu', to: 'us', tokens: 2, lagMs: 2 * MINUTE },
    ]);
  });
});
