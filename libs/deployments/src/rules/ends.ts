import { formatTime, type End, type Finding, type TokenView } from '#lifecycle';
import { rule, type RuleContext } from './rule.js';

/** Ends that a token exchanged for the ended one inherits; rotated and consumed are not among them. */
const INHERITED: ReadonlySet<End['kind']> = new Set(['compromised', 'revoked', 'fenced', 'familyEnded']);

const WORDS: Record<End['kind'], string> = {
  compromised: 'compromised',
  revoked: 'revoked',
  fenced: 'ended by a fence',
  familyEnded: 'ended with its family',
  rotated: 'rotated',
  consumed: 'consumed',
};

/** Statement of an operator's attestation that a revocation was a mistake. */
export const FALSE_REVOCATION = 'false-revocation';

/** Whether an end became effective at or after the first activation of the version that is rolled back. */
export function isSinceActivation(end: End, context: RuleContext): boolean {
  return end.version === context.from || end.at >= context.firstActivation - context.clockError;
}

export const ended = rule({
  id: 'ended',
  title: 'revoked, compromised, rotated, consumed, fenced or family ended, under any version',
  effects: {
    known: { access: 'end' },
    unknownToTarget: { access: 'end', steps: ['pushEnd'] },
    storeUnknown: { access: 'end', verdict: 'blocked' },
  },
  when(view, context) {
    const first = view.ends[0];
    if (!first) return undefined;
    const inherits = view.ends.some((end) => INHERITED.has(end.kind)) ? ({ inherits: 'end' } as const) : {};
    const since = view.ends.find((end) => isSinceActivation(end, context));
    const said = `${WORDS[(since ?? first).kind]} at ${formatTime((since ?? first).at)}`;
    if (!since) return { case: 'known', text: `${said}, before ${context.from} was first active`, ...inherits };
    switch (context.store) {
      case 'shared':
        return { case: 'known', text: `${said}; ${context.to} shares the store that knows it`, ...inherits };
      case 'separate':
        return {
          case: 'unknownToTarget',
          text: `${said}; ${context.to} does not share the store that knows it`,
          ...inherits,
        };
      case 'unknown':
        return {
          case: 'storeUnknown',
          text: `${said}; whether ${context.to} can know it is not declared`,
          ...inherits,
        };
    }
  },
});

export const reuse = rule({
  id: 'reuse',
  title: 'the refresh token was used again after its rotation, or the issuer reports so',
  effects: {
    final: { access: 'end', reissue: true },
    provisional: { access: 'suspend', verdict: 'hold' },
  },
  when(_view, { findings, reuseReported }) {
    const critical = findings.filter((f) => f.rule === 'D1' && f.severity === 'critical');
    if (reuseReported) return { case: 'final', text: 'the issuer reports reuse in its family', inherits: 'end' };
    const final = critical.find((f) => !f.provisional);
    if (final) return { case: 'final', text: `refresh reuse in its family (${final.kind})`, inherits: 'end' };
    const first = critical[0];
    return first && { case: 'provisional', text: `refresh reuse in its family (${first.kind}), still provisional` };
  },
});

export const misused = rule({
  id: 'misused',
  title: 'accepted without its key, or used after revocation by somebody new',
  effects: { misused: { access: 'suspend', reissue: true, verdict: 'hold' } },
  when(_view, { findings }) {
    const unbound = findings.find((f) => f.rule === 'D6' && f.severity === 'critical' && !f.provisional);
    if (unbound) return { case: 'misused', text: 'accepted without the key that it is bound to' };
    const theft = findings.find(indicatesTheft);
    return theft && { case: 'misused', text: 'used after its revocation from a network or agent not seen before' };
  },
});

function indicatesTheft(finding: Finding): boolean {
  return finding.rule === 'D2' && finding.evidence['theftIndicator'] === true;
}

export const badKey = rule({
  id: 'bad key',
  title: 'its key is compromised or explicitly distrusted',
  effects: { bad: { access: 'end', reissue: true } },
  when(_view, context) {
    const bad = badKeyWord(context);
    return bad === undefined ? undefined : { case: 'bad', text: `its signing key is ${bad}`, inherits: 'end' };
  },
});

/** Retired or removed in the normal course is not bad. */
export function badKeyWord({ key, T }: Pick<RuleContext, 'key' | 'T'>): string | undefined {
  if (key?.compromised !== undefined && key.compromised <= T) return 'compromised';
  if (key?.distrusted !== undefined && key.distrusted <= T) return 'distrusted';
  return undefined;
}

export const falseRevocation = rule({
  id: 'false revocation',
  title: 'an operator attests that its revocation was a mistake',
  effects: { attested: { reissue: true } },
  when(view) {
    if (view.ends.length === 0 || !isAttested(view, FALSE_REVOCATION)) return undefined;
    return { case: 'attested', text: 'an operator attests that the revocation was a mistake; the end stays' };
  },
});

function isAttested(view: TokenView, statement: string): boolean {
  return view.attestations.some((a) => a.statement.toLowerCase().replace(/[\s_]+/g, '-') === statement);
}

export const suspended = rule({
  id: 'suspended',
  title: 'suspended, by anyone',
  effects: { suspended: { access: 'suspend' } },
  when: (view) =>
    view.suspended
      ? { case: 'suspended', text: `suspended (${view.suspendedBy.join(', ') || 'cause not stated'})` }
      : undefined,
});

export const conflict = rule({
  id: 'conflict',
  title: 'identity conflict: one jti, several tokens',
  effects: { conflict: { access: 'suspend', reissue: true } },
  when: (view) => (view.identityConflict ? { case: 'conflict', text: 'several tokens carry its identity' } : undefined),
});
