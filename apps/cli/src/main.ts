import { CommanderError } from 'commander';
import { WrongFlags } from './wrong-flags.js';
import { EXIT, exitCodeOf } from './exit-codes.js';
import { Output, OutputClosed } from './output/output.js';
import { Talk } from './output/talk.js';
import { programOf } from './program.js';
import type { Shell } from './shell.js';

const shell: Shell = {
  out: new Output(process.stdout),
  talk: new Talk(process.stderr),
  stdin: process.stdin,
  env: process.env,
  exitCode: EXIT.done,
};
const args = process.argv.slice(2);

/** Known before the flags are parsed, for a flag that is wrong is told in the format that was asked for. */
const wantsJson = args.some((arg, i) => /^(-o=?|--output=)(nd)?json$/.test(arg) || (/^(-o|--output)$/.test(arg) && /^(nd)?json$/.test(args[i + 1] ?? '')));

try {
  await programOf(shell).parseAsync(args, { from: 'user' });
  process.exitCode = shell.exitCode;
} catch (error) {
  process.exitCode = exitOf(error);
}
// Nothing is left to do; what still holds the process, such as a terminal being read, does not.
process.exit();

function exitOf(error: unknown): number {
  if (error instanceof OutputClosed) return EXIT.done;
  if (!(error instanceof CommanderError)) {
    shell.talk.error(error, wantsJson);
    return exitCodeOf(error);
  }
  if (error.exitCode === 0) return EXIT.done;
  // Without a command, its help was printed already.
  if (error.code !== 'commander.help') {
    const told = error.message.replace(/^error: /, '');
    shell.talk.error(new WrongFlags(told), wantsJson);
  }
  return EXIT.wrongUse;
}
