import { describe, expect, it } from '@jest/globals';
import { Inheritance, type Exchanged, type FamilyMember } from './exchange.js';
import { fam, jti, NOW, T0 } from './fixtures.js';

const token = (n: number, more: Partial<Exchanged> = {}): Exchanged => ({
  name: jti(n),
  names: [jti(n)],
  at: NOW,
  inherits: 'keep',
  ...more,
});
const none = (): FamilyMember[] => [];
const member = (n: number, issuedAt = T0, kind = 'access'): FamilyMember => ({
  name: jti(n),
  kind,
  issuedAt,
  firstSeen: T0,
});

function levels(
  build: (i: Inheritance) => void,
  members: (family: string) => FamilyMember[] = none,
): Record<string, string> {
  const inheritance = new Inheritance();
  build(inheritance);
  return Object.fromEntries([...inheritance.resolve(members)].map(([name, effect]) => [name, effect.access]));
}

describe('exchanged tokens', () => {
  it('inherit along a chain, in whatever order they come', () => {
    const chain = [
      token(2, { subjectToken: jti(1) }),
      token(3, { subjectToken: jti(2) }),
      token(4, { subjectToken: jti(3) }),
    ];
    for (const order of [chain, [...chain].reverse()]) {
      const found = levels((i) => {
        order.forEach((t) => i.addExchanged(t));
        i.addSource([jti(1)], 'end');
      });
      expect(found).toEqual({ [jti(2)]: 'end', [jti(3)]: 'end', [jti(4)]: 'end' });
    }
  });

  it('inherit nothing from a circle by itself, and something from what enters it', () => {
    const circle = [token(1, { subjectToken: jti(2) }), token(2, { subjectToken: jti(1) })];
    expect(levels((i) => circle.forEach((t) => i.addExchanged(t)))).toEqual({});
    const hit = levels((i) =>
      [token(1, { subjectToken: jti(2), inherits: 'suspend' }), circle[1]!].forEach((t) => i.addExchanged(t)),
    );
    expect(hit).toEqual({ [jti(1)]: 'suspend', [jti(2)]: 'suspend' });
  });

  it('find their subject under any of its names', () => {
    const found = levels((i) => {
      i.addSource([jti(1), jti(9)], 'suspend');
      i.addExchanged(token(2, { subjectToken: jti(9) }));
    });
    expect(found).toEqual({ [jti(2)]: 'suspend' });
  });

  it('a stronger level that is found later is passed on', () => {
    const found = levels((i) => {
      i.addExchanged(token(3, { subjectToken: jti(2) }));
      i.addExchanged(token(2, { subjectToken: jti(1), inherits: 'suspend' }));
      i.addSource([jti(1)], 'end');
    });
    expect(found[jti(3)]).toBe('end');
  });

  it('an inherited end is pushed: nobody else knows it', () => {
    const inheritance = new Inheritance();
    inheritance.addExchanged(token(2, { subjectToken: jti(1) }));
    inheritance.addSource([jti(1)], 'end');
    expect(inheritance.resolve(none).get(jti(2))).toMatchObject({ access: 'end', steps: ['pushEnd'] });
  });

  describe('that name only a family', () => {
    const mine = token(5, { subjectFamily: fam(1), at: T0 + 10 });
    const family = (ended: number[], suspended: number[], members: FamilyMember[]): string | undefined =>
      levels(
        (i) => {
          i.addExchanged(mine);
          for (const n of ended) i.addSource([jti(n)], 'end');
          for (const n of suspended) i.addSource([jti(n)], 'suspend');
        },
        () => members,
      )[jti(5)];

    it('are ended if all candidates are, suspended if some are ended or suspended', () => {
      const two = [member(1), member(2)];
      expect(family([1, 2], [], two)).toBe('end');
      expect(family([1], [], two)).toBe('suspend');
      expect(family([], [2], two)).toBe('suspend');
      expect(family([], [], two)).toBeUndefined();
    });

    it('a token is no candidate for its own subject', () => {
      expect(family([1], [], [member(1), { ...member(5), issuedAt: T0 }])).toBe('end');
    });

    it('candidates are access tokens issued by then', () => {
      expect(family([1], [], [member(1), member(2, T0 + 11)])).toBe('end');
      expect(family([1], [], [member(1), member(2, T0, 'refresh')])).toBe('end');
      expect(family([], [], [])).toBeUndefined();
    });
  });
});
