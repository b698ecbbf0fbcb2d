/** What the bundled traffic is about (`demoTraffic`). */
export const DEMO = {
  day: '2026-03-10',
  component: 'gateway',
  good: 'v41',
  bad: 'v42',
  /** Shortly before the traffic ends: the hour at which somebody decides to roll back. */
  asOf: 'time:2026-03-10T10:58:00Z',
} as const;
