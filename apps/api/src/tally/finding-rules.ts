import { WrongUse } from './errors.js';

/** The rules under which findings stand, as `--rule` takes them. */
export const FINDING_RULES = [
  'D1',
  'D2',
  'D3',
  'D4',
  'D6',
  'D12',
  'D13',
  'D17',
  'D18',
  'clock-skew',
  'expiry-unit-suspect',
  'never-expires',
  'audience',
  'raw-credentials',
  'claimed',
  'conflicting-duplicate',
  'future-dated',
  'unusable-name',
  'issuer-spelling',
] as const;

/** What a finding of some rules is further called. */
const FINDING_KINDS = [
  'accepted after expiry',
  'accepted after intended expiry',
  'accepted within leeway',
  'audience invalid',
  'audience missing',
  'claimed without authority',
  'clock skew',
  'concurrent rotation',
  'conflicting duplicate',
  'enforcement gap',
  'exchange after the end of its subject',
  'expiry unit suspect',
  'identity conflict',
  'issuance not seen',
  'issuer spelled otherwise',
  'name is a number',
  'never expires',
  'one-time token used again',
  'proof replayed',
  'propagation lag',
  'refresh token reuse',
  'reuse within grace',
  'scope or audience drift',
  'sender constraint not enforced',
  'sender constraint refused',
  'source sends raw credentials',
  'value names nothing',
  'wrong kind of token accepted',
];

/**
 * Whether a finding is of a rule or kind, in whatever case it was asked for.
 * @throws WrongUse if there is neither among these nor among the findings given
 */
export function ruleFilter(
  asked: string | undefined,
  found: readonly { rule: string; kind: string }[],
): (finding: { rule: string; kind: string }) => boolean {
  if (asked === undefined) return () => true;
  const wanted = asked.toLowerCase();
  const isMeant = (text: string): boolean => text.toLowerCase() === wanted;
  const matches = ({ rule, kind }: { rule: string; kind: string }): boolean => isMeant(rule) || isMeant(kind);
  if (![...FINDING_RULES, ...FINDING_KINDS].some(isMeant) && !found.some(matches)) {
    throw new WrongUse('rule', `is none of ${FINDING_RULES.join(', ')}`, 'Name one of these, or a kind of finding.');
  }
  return matches;
}
