import { join } from 'node:path';

/** What lies in a data directory. `intake.sqlite` alone can be rebuilt; `secrets` and `keys` are never in the ledger. */
export const LAYOUT = {
  meta: 'meta.json',
  lock: 'lock.sqlite',
  holder: 'holder.json',
  run: 'run.json',
  ledger: 'ledger.sqlite',
  intake: 'intake.sqlite',
  deadLetters: 'dead-letters.sqlite',
  keys: 'keys.sqlite',
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

/**
 * Which data directory a command means: `--data`, else TALLY_DATA, else `tallystick` in the user's data folder
 * (XDG base directories; `~/.local/share` without one).
 */
export function dataDirectoryPath(
  flag: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  home: string,
): string {
  const chosen = flag ?? env.TALLY_DATA;
  if (chosen !== undefined && chosen !== '') return chosen;
  const dataHome = env.XDG_DATA_HOME;
  // A relative XDG path is to be ignored (XDG Base Directory Specification 0.8).
  return join(dataHome?.startsWith('/') ? dataHome : join(home, '.local', 'share'), 'tallystick');
}
