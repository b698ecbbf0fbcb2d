import { CommanderError } from 'commander';
import { EXIT, exitCodeOf } from './exit-codes.js';
import { OutputClosed } from './output/output.js';
import { programOf } from './program.js';
import type { Shell } from './shell.js';
import { WrongFlags } from './wrong-flags.js';

/** Runs one command over a shell and gives its exit code; every error is told there, none is thrown. */
export async function runCommand(args: readonly string[], shell: Shell): Promise<number> {
  try {
    await programOf(shell).parseAsync(args, { from: 'user' });
    return shell.exitCode;
  } catch (error) {
    if (error instanceof OutputClosed) return EXIT.done;
    if (!(error instanceof CommanderError)) {
      shell.talk.error(error, asksForJson(args));
      return exitCodeOf(error);
    }
    if (error.exitCode === 0) {
      // Help and version are what was asked for: data.
      await shell.out.flush();
      return EXIT.done;
    }
    // Without a command, its help was printed already.
    if (error.code !== 'commander.help') {
      shell.talk.error(new WrongFlags(error.message.replace(/^error: /, '')), asksForJson(args));
    }
    return EXIT.wrongUse;
  }
}

/** Known before the flags are parsed, for a flag that is wrong is told in the format that was asked for. */
function asksForJson(args: readonly string[]): boolean {
  return args.some(
    (arg, i) =>
      /^(-o=?|--output=)(nd)?json$/.test(arg) || (/^(-o|--output)$/.test(arg) && /^(nd)?json$/.test(args[i + 1] ?? '')),
  );
}
