import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { z } from 'zod';
import { addAnalytics, addFsck } from './commands/analytics.js';
import { addDeadLetters } from './commands/dead-letters.js';
import { addDeployment } from './commands/deployment.js';
import { addFindings } from './commands/findings.js';
import { addGovernance } from './commands/governance.js';
import { addIngest } from './commands/ingest.js';
import { addLedger } from './commands/ledger.js';
import { addLedgerCopy } from './commands/ledger-copy.js';
import { addLedgerServe } from './commands/ledger-serve.js';
import { addProjector } from './commands/projector.js';
import { addQuery } from './commands/query.js';
import { addRollback } from './commands/rollback.js';
import { addSecrets } from './commands/secrets.js';
import { addSettings } from './commands/settings.js';
import { addState } from './commands/state.js';
import { addToken } from './commands/token.js';
import { addTopics } from './commands/topics.js';
import { addUp } from './commands/up.js';
import { withCommonFlags, type Shell } from './shell.js';

/** Every command, over a shell. Parse errors are thrown, not printed: whoever runs it tells them. */
export function programOf(shell: Shell): Command {
  const program = new Command('tally')
    .description('The ledger of token lifecycles: what state each token was in, and what a rollback must do.')
    .version(versionOfPackage(), '--version', 'print the version')
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void shell.out.write(text),
      writeErr: (text) => shell.talk.write(text),
      outputError: () => undefined,
    })
    .showSuggestionAfterError(true)
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 failed, 2 wrong use, 3 verdict fail, 5 verdict hold or not enough data, 8 not found.' +
        '\nTimes are UTC; a time that is given needs its zone, such as 2026-03-10T09:00:00Z.',
    );
  withCommonFlags(program);
  for (const add of [
    addUp,
    addProjector,
    addIngest,
    addToken,
    addDeployment,
    addState,
    addRollback,
    addFindings,
    addSettings,
    addDeadLetters,
    addLedger,
    addLedgerServe,
    addLedgerCopy,
    addQuery,
    addAnalytics,
    addFsck,
    addTopics,
    addGovernance,
    addSecrets,
  ])
    add(program, shell);
  return program;
}

/** From dist/apps/cli/src and from apps/cli/src alike: the nearest package.json above that is ours. */
function versionOfPackage(): string {
  for (const up of ['../../../package.json', '../../../../package.json']) {
    try {
      const found = z
        .object({ name: z.literal('tallystick'), version: z.string() })
        .safeParse(JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8')));
      if (found.success) return found.data.version;
    } catch {
      // not there: the next one up
    }
  }
  return 'unknown';
}
