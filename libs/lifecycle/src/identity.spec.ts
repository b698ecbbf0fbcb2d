import { describe, expect, it } from '@jest/globals';
import { kindOfName } from './names.js';
import type { RecordedFact } from './observations.js';
import { aliased, DAY, fact, findingsAt, historyOf, HOUR, MINUTE, named, T0, use, viewOf } from './testing.js';

const END = { T: T0 + 365 * DAY };
const names = (facts: RecordedFact[]) => [...historyOf(facts).views(END)].map(({ view }) => view.name);
const parts = (facts: RecordedFact[], name = named('jti', 'a')) =>
  historyOf(facts)
    .unitViews(name, END)
    .map(({ view }) => view);

const revoked = (fields: Record<string, string>, at = HOUR) => fact('token.revoked', { at, names: fields });
const d17 = (facts: RecordedFact[]) => findingsAt(facts).filter(({ rule }) => rule === 'D17');

describe('aliases (MODEL §1.4)', () => {
  const refused = fact('token.rejected', { at: MINUTE, names: { tok: 'x' }, data: { class: 'who' } });

  it('join a jti and a tok: one token under the jti, whichever of them a line shows', () => {
    const facts = [use('a', 0, { names: { tok: 'x' } }), refused, ...aliased({ jti: 'a', tok: 'x' })];
    expect(names(facts)).toEqual([named('jti', 'a')]);
    expect(viewOf(facts, named('tok', 'x'))).toMatchObject({
      name: named('jti', 'a'),
      names: [named('jti', 'a'), named('tok', 'x')],
      uses: [{ outcome: 'accepted' }, { outcome: 'refused' }],
    });
  });

  it('that no source has the authority for join nothing', () => {
    const facts = [use('a', 0), refused, ...aliased({ jti: 'a', tok: 'x' }, { source: 'nobody' })];
    expect(names(facts)).toHaveLength(2);
  });

  it('hold where the cut at K took one of their copies', () => {
    const [atJti, atTok] = aliased({ jti: 'a', tok: 'x' }) as [RecordedFact, RecordedFact];
    for (const copy of [atJti, atTok]) expect(names([refused, copy])).toEqual([named('jti', 'a')]);
  });

  it('of a credential and several toks make parts without a conflict; an end of the credential reaches each', () => {
    const key = (tok: string, at: number) =>
      fact('token.validated', { at, names: { cred: 'c', tok }, data: { kind: 'apiKey' } });
    const facts = [
      key('x', 0),
      key('y', DAY),
      ...aliased({ cred: 'c', tok: 'x' }),
      ...aliased({ cred: 'c', tok: 'y' }),
    ];
    const statuses = (more: RecordedFact[]) => parts([...facts, ...more], named('cred', 'c')).map((v) => v.status);
    expect(parts(facts, named('cred', 'c')).map((v) => v.flags)).toEqual([[], []]);
    expect(names(facts)).toEqual([named('tok', 'x'), named('tok', 'y')].sort());
    expect(statuses([revoked({ cred: 'c' })])).toEqual(['revoked', 'revoked']);
    expect(statuses([revoked({ cred: 'c', tok: 'x' })]).sort()).toEqual(['active', 'revoked']);
  });
});

describe('identity conflicts (D17)', () => {
  const two = [
    use('a', 0, { names: { tok: 'x', sub: 'u' } }),
    use('a', MINUTE, { names: { tok: 'y', sub: 'v' } }),
    ...aliased({ jti: 'a', tok: 'x' }),
    ...aliased({ jti: 'a', tok: 'y' }),
  ];

  it('keep a jti with two toks as two histories under one critical finding', () => {
    expect(names(two)).toEqual([named('tok', 'x'), named('tok', 'y')].sort());
    expect(parts(two).map((v) => [v.partOf, v.identityConflict, v.conflicts, v.uses.length])).toEqual(
      [1, 2].map(() => [named('jti', 'a'), true, [], 1]),
    );
    expect(d17(two)).toMatchObject([{ severity: 'critical', provisional: false, tokens: names(two) }]);
  });

  it('give a fact without tok to the one part that it does not contradict, and count the others', () => {
    const of = (sub?: string) => [...two, use('a', HOUR, { names: { sub } })];
    const counts = (facts: RecordedFact[]) => parts(facts).map((v) => [v.uses.length, v.unattributed]);
    expect(counts(of('u')).sort()).toEqual([
      [1, 0],
      [2, 0],
    ]);
    expect(counts(of())).toEqual([
      [1, 1],
      [1, 1],
    ]);
    expect(counts(of('w'))).toEqual([
      [1, 1],
      [1, 1],
    ]);
  });

  it('leave a line that shows a third tok to neither part', () => {
    const third = use('a', HOUR, { names: { tok: 'z', sub: 'u' } });
    expect(parts([...two, third]).map((v) => [v.uses.length, v.unattributed])).toEqual([
      [1, 1],
      [1, 1],
    ]);
  });

  it('let revocations, compromises and suspensions of any name reach each part, and nothing else', () => {
    for (const under of [{ jti: 'a' }, { tok: 'x' }, { jti: 'a', tok: 'y' }, { jti: 'a', sub: 'odd spelling' }])
      expect(parts([...two, revoked(under)]).map((v) => v.status)).toEqual(['revoked', 'revoked']);
    const rotated = fact('token.rotated', { names: { jti: 'a', tok: 'x' } });
    expect(
      parts([...two, rotated])
        .map((v) => v.status)
        .sort(),
    ).toEqual(['active', 'rotated']);
  });

  it('do not take a token out of a fence or an ended family that had reached it as one', () => {
    const fence = fact('fence.raised', { at: HOUR, data: { cutoff: T0 + HOUR, match: { sub: named('sub', 'u') } } });
    const issued = fact('token.issued', { names: { jti: 'a', fam: 'g' } });
    const family = fact('family.revoked', { at: HOUR, names: { fam: 'g' } });
    const late = [use('a', 2 * HOUR, { names: { tok: 'x', sub: 'u' } }), ...aliased({ jti: 'a', tok: 'x' })];
    const split = [...late, use('a', 3 * HOUR, { names: { tok: 'y' } }), ...aliased({ jti: 'a', tok: 'y' })];
    for (const end of [fence, family]) {
      expect(parts([issued, ...late, end]).map((v) => v.status)).toEqual(['revoked']);
      expect(parts([issued, ...split, end]).map((v) => v.status)).toEqual(['revoked', 'revoked']);
    }
  });

  it('without any tok are two subjects, else two issue times; with one tok neither', () => {
    const bySub = [use('a', 0, { names: { sub: 'u' } }), use('a', 0, { names: { sub: 'v' } })];
    const byIat = [T0, T0 + 1000].map((iat) => use('a', 0, { data: { iat } }));
    for (const facts of [bySub, byIat]) {
      const found = names(facts);
      expect(found).toHaveLength(2);
      expect(found.every((name) => kindOfName(name) === 'jti' && name !== named('jti', 'a'))).toBe(true);
      expect(viewOf(facts, found[1]!)?.name).toBe(found[1]);
      expect(d17(facts)).toHaveLength(1);
      const one = [...facts, ...aliased({ jti: 'a', tok: 'x' })];
      expect(names(one)).toEqual([named('jti', 'a')]);
      expect(d17(one)).toEqual([]);
    }
  });

  it('of one tok with two jtis join nothing: each stays itself, and the tok is raised once', () => {
    const facts = ['a', 'b'].flatMap((jti) => [use(jti, 0, { names: { tok: 'x' } }), ...aliased({ jti, tok: 'x' })]);
    expect(names(facts)).toEqual([named('jti', 'a'), named('jti', 'b')].sort());
    expect(viewOf(facts, 'a')).toMatchObject({ names: [named('jti', 'a')], identityConflict: false });
    expect(d17(facts)).toMatchObject([{ severity: 'critical', evidence: { tok: named('tok', 'x') } }]);
    expect(viewOf([...facts, revoked({ jti: 'a' })], 'b')?.status).toBe('active');
    expect(viewOf([...facts, revoked({ tok: 'x' })], 'b')?.status).toBe('revoked');
    const key = [...aliased({ cred: 'c', tok: 'x' }), revoked({ cred: 'c' })];
    expect(viewOf([...facts, ...key], 'a')?.status).toBe('revoked');
  });
});

describe('renames (MODEL §1.5)', () => {
  const rename = (kind: 'jti' | 'sub' | 'fam', from: string, to: string, at = 0) =>
    fact('token.renamed', {
      at,
      subject: named(kind, from),
      data: { from: named(kind, from), to: named(kind, to) },
    });

  it('bring an old name’s facts under the new one, by either name', () => {
    const facts = [use('old', 0), rename('jti', 'old', 'new'), revoked({ jti: 'new' })];
    expect(names(facts)).toEqual([named('jti', 'new')]);
    expect(viewOf(facts, 'old')).toMatchObject({ name: named('jti', 'new'), status: 'revoked', uses: [{}] });
    expect(viewOf([use('old', 0), rename('jti', 'old', 'new')], 'new')?.status).toBe('active');
  });

  it('are folded before anything is compared: no conflict, and fences, subjects and families reach across', () => {
    const facts = [
      use('a', 0, { names: { sub: 'u1' } }),
      fact('token.issued', { at: 1, names: { jti: 'a', sub: 'u2', fam: 'g2' } }),
      rename('sub', 'u1', 'u2'),
      rename('fam', 'g1', 'g2'),
    ];
    expect(viewOf(facts, 'a')).toMatchObject({ subject: named('sub', 'u2'), conflicts: [], identityConflict: false });
    for (const end of [
      fact('fence.raised', { at: HOUR, data: { cutoff: T0 + HOUR, match: { sub: named('sub', 'u1') } } }),
      fact('family.revoked', { at: HOUR, names: { fam: 'g1' } }),
    ])
      expect(viewOf([...facts, end], 'a')?.status).toBe('revoked');
    const suspended = fact('subject.suspended', { names: { sub: 'u1' } });
    expect(viewOf([...facts, suspended], 'a')?.suspended).toBe(true);
  });

  it('follow chains, take the latest of two, and end a circle at its smallest name', () => {
    const chain = [use('a', 0), rename('jti', 'a', 'b'), rename('jti', 'b', 'c')];
    expect(names(chain)).toEqual([named('jti', 'c')]);
    expect(names([use('a', 0), rename('jti', 'a', 'b', 5), rename('jti', 'a', 'c', 1)])).toEqual([named('jti', 'b')]);
    const tie = [rename('jti', 'a', 'b'), rename('jti', 'a', 'c')];
    const smaller = [named('jti', 'b'), named('jti', 'c')].sort()[0];
    for (const both of [tie, [...tie].reverse()]) expect(names([use('a', 0), ...both])).toEqual([smaller]);
    const circle = [use('a', 0), use('b', 0), rename('jti', 'a', 'b'), rename('jti', 'b', 'a')];
    expect(names(circle)).toEqual([[named('jti', 'a'), named('jti', 'b')].sort()[0]]);
  });

  it('are the operator’s to state', () => {
    const forged = { ...rename('jti', 'a', 'b'), source: 'keycloak' };
    expect(names([use('a', 0), forged])).toEqual([named('jti', 'a')]);
  });
});
