import { join } from 'node:path';

/**
 * What lies in a data directory. `mirror.sqlite`, `intake.sqlite` and `findings.sqlite` can be rebuilt; `secrets` and `keys` are never in
 * the ledger.
 */
export const LAYOUT = {
  meta: 'meta.json',
  lock: 'lock.sqlite',
  holder: 'holder.json',
  run: 'run.json',
  ledger: 'ledger.sqlite',
  mirror: 'mirror.sqlite',
  intake: 'intake.sqlite',
  findings: 'findings.sqlite',
  deadLetters: 'dead-letters.sqlite',
  keys: 'keys.sqlite',
  analytics: 'analytics',
  analyticsLock: 'analytics-lock.sqlite',
  analyticsJournal: 'analytics-journal.sqlite',
  secrets: 'secrets',
} as const;
export type LayoutEntry = keyof typeof LAYOUT;

const KNOWN_NAMES: readonly string[] = Object.values(LAYOUT);

/** Whether a directory entry is one that Tallystick makes, including SQLite's side files and unfinished drafts. */
export function isLayoutName(name: string): boolean {
  return KNOWN_NAMES.includes(name.replace(/(-wal|-shm|-journal|\.new)$/, ''));
}

export function layoutPath(directory: string, entry: LayoutEntry): string {
  return join(directory, LAYOUT[entry]);
}

/** Which data directory a command means: `--data`, else TALLY_DATA, else `.tally` in the current directory. */
export function dataDirectoryPath(flag: string | undefined, env: Readonly<Record<string, string | undefined>>): string {
  return [flag, env.TALLY_DATA].find((path) => path !== undefined && path !== '') ?? '.tally';
}
