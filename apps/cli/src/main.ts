import { EXIT } from './exit-codes.js';
import { Output } from './output/output.js';
import { Talk } from './output/talk.js';
import { runCommand } from './run.js';

const code = await runCommand(process.argv.slice(2), {
  out: new Output(process.stdout),
  talk: new Talk(process.stderr),
  stdin: process.stdin,
  env: process.env,
  threads: true,
  exitCode: EXIT.done,
});
// Nothing is left to do; what still holds the process, such as a terminal being read, does not count.
process.exit(code);
