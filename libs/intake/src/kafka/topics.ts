/** Who may speak on a topic (MODEL §3.2); null where nobody outside may. */
export type TopicAuthority = 'gateway' | 'issuer' | 'deployer' | 'operator' | null;

export interface TopicDesign {
  name: string;
  authority: TopicAuthority;
  /** What the record key is. */
  key: string;
  partitions: number;
  /** Of the topic; `check` compares these, and leaves every other setting to whoever runs the cluster. */
  settings: Readonly<Record<string, string>>;
  why: string;
}

const days = (count: number): string => String(count * 86_400_000);

/**
 * The product's own topics. Events are kept for as long as a ledger may have to be fed again; the ledger is what keeps
 * them for good. Order inside a partition does not matter to the fold; the key only spreads tokens evenly and keeps
 * the facts of one in one place, so that its stream has one writer.
 */
export const TOPICS: readonly TopicDesign[] = [
  {
    name: 'tallystick.gateway-events',
    authority: 'gateway',
    key: 'the name of the token, or what stands for it (jti, session)',
    partitions: 6,
    settings: { 'cleanup.policy': 'delete', 'retention.ms': days(7) },
    why: 'By far the most records: partitions are what projectors share.',
  },
  {
    name: 'tallystick.issuer-events',
    authority: 'issuer',
    key: 'the name of the token, else of the family or subject',
    partitions: 6,
    settings: { 'cleanup.policy': 'delete', 'retention.ms': days(7) },
    why: 'Issuances and revocations; a topic of its own, since only issuers may end tokens.',
  },
  {
    name: 'tallystick.deployments',
    authority: 'deployer',
    key: 'the component',
    partitions: 1,
    settings: { 'cleanup.policy': 'delete', 'retention.ms': days(30) },
    why: 'Few records, which a person may want to look through in order.',
  },
  {
    name: 'tallystick.operator-events',
    authority: 'operator',
    key: 'what the event is about',
    partitions: 1,
    settings: { 'cleanup.policy': 'delete', 'retention.ms': days(30) },
    why: 'Fences, suspensions, legal holds: the highest authority, so the smallest circle of writers.',
  },
  {
    name: 'tallystick.dead-letters',
    authority: null,
    key: 'the id of the letter: the same bytes are one letter',
    partitions: 1,
    settings: { 'cleanup.policy': 'delete', 'retention.ms': days(30) },
    why: 'Refused records, redacted and sealed; kept long enough for a person to mend what was wrong.',
  },
  {
    name: 'tallystick.decisions',
    authority: null,
    key: 'the name of the token',
    partitions: 6,
    settings: { 'cleanup.policy': 'compact,delete', 'retention.ms': days(30) },
    why: 'The last word on each token; whoever comes later needs no more than that.',
  },
];
