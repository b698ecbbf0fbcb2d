import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createInterface } from 'node:readline';

const BIN = fileURLToPath(new URL('../../../../bin/tally.js', import.meta.url));

export interface Ran {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  cwd: string;
  /** Standard input; none by default. */
  input?: string | Uint8Array;
  env?: Record<string, string>;
}

/** Starts the built command as a user would, without a terminal. */
export function startTally(args: readonly string[], { cwd, env = {} }: RunOptions): ChildProcess {
  const { TALLY_DATA: _data, NODE_OPTIONS: _options, ...inherited } = process.env;
  return spawn(process.execPath, [BIN, ...args], { cwd, env: { ...inherited, ...env } });
}

/** Runs the built command to its end. */
export async function runTally(args: readonly string[], options: RunOptions): Promise<Ran> {
  const child = startTally(args, options);
  const ran: Ran = { code: null, stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (ran.stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (ran.stderr += text));
  // A command that does not read its input may be gone before all of it is written.
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(options.input);
  const [code] = (await once(child, 'close')) as [number | null];
  return { ...ran, code };
}

export interface Up {
  url: string;
  bearer: string;
  child: ChildProcess;
  stderr(): string;
  /** Sends a signal and resolves with the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** Starts `tally up` and waits until it answers. */
export async function startUp(args: readonly string[], options: RunOptions): Promise<Up> {
  const child = startTally(['up', '-o', 'json', ...args], options);
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const closed = once(child, 'close') as Promise<[number | null]>;
  const lines = createInterface({ input: child.stdout! });
  const first = await Promise.race([once(lines, 'line') as Promise<[string]>, closed]);
  if (typeof first[0] !== 'string') throw new Error(`tally up ended with ${first[0]}: ${stderr}`);
  const { url, bearer } = JSON.parse(first[0]) as { url: string; bearer: string };
  return {
    url,
    bearer,
    child,
    stderr: () => stderr,
    stop: async (signal = 'SIGTERM') => {
      child.kill(signal);
      const [code] = await closed;
      return code;
    },
  };
}

/** The lines of standard output, as they come. */
export function linesOf(child: ChildProcess): AsyncIterable<string> {
  return createInterface({ input: child.stdout! });
}
