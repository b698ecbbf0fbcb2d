import type { Command } from 'commander';
import type { Answer, Params } from '../../../api/src/tally/questions.js';
import { encodePosition } from '../../../api/src/tally/when.js';
import { ask } from '../ask.js';
import { EXIT } from '../exit-codes.js';
import { Interruption } from '../ingest/interruption.js';
import { PositionProgress } from '../output/position-progress.js';
import { cell } from '../output/cells.js';
import { printRows } from '../output/rows.js';
import { fieldLines, objectOf, printValue } from '../output/value.js';
import { withTally } from '../session.js';
import { commonOf, verb, type Shell } from '../shell.js';

/** ClickHouse beside the ledger. */
export function addAnalytics(program: Command, shell: Shell): void {
  const analytics = program
    .command('analytics')
    .description('ClickHouse: how far it is, and what makes it right again');
  verb(analytics, 'status', 'how far it has come, what it holds, and its migrations').action(
    async (_flags: unknown, command: Command) => {
      await ask(command, shell, 'analytics.status', {}, { lines: statusLines });
    },
  );
  verb(analytics, 'migrate', 'bring the tables to this release')
    .option('--plan', 'only say what would be applied')
    .action(async ({ plan }: { plan?: true }, command: Command) => {
      await ask(command, shell, 'analytics.migrate', plan === true ? { plan } : {}, { lines: migrationLines });
    });
  verb(analytics, 'catch-up', 'write what is new in the ledger, up to its head').action(
    async (_flags: unknown, command: Command) => {
      await follow(command, shell, 'analytics.catch-up', {});
    },
  );
  verb(analytics, 'rebuild', 'build every table again from the ledger, while the old ones answer')
    .option('--anew', 'drop what a rebuild that was broken off has filled')
    .addHelpText('after', '\nBroken off at any point, the same command goes on from there.')
    .action(async ({ anew }: { anew?: true }, command: Command) => {
      await follow(command, shell, 'analytics.rebuild', anew === true ? { anew } : {});
    });
}

/** `tally fsck`: whether ledger and ClickHouse say the same. */
export function addFsck(program: Command, shell: Shell): void {
  verb(
    program,
    'fsck',
    'catch up, then compare ClickHouse with the ledger, row by row; name each difference and its repair',
  )
    .option('--from <position>', 'begin at this position (p50, or a number): where a check was broken off')
    .option('--repair', 'repair in place what can be, and compare again')
    .option('--no-states', 'leave out the states of all tokens')
    .addHelpText('after', '\nExit codes: 0 they agree, 1 they differ, or ClickHouse lacks events.')
    .action(async (flags: { from?: string; repair?: true; states: boolean }, command: Command) => {
      const { format } = commonOf(command, shell);
      const { from, repair, states } = flags;
      const params = { ...(from !== undefined && { from }), ...(repair === true && { repair }), states };
      await withTally(command, shell, 'read', async (tally) => {
        const answer = await tally.ask('fsck', params);
        if (answer.kind !== 'rows') return;
        const progress = new PositionProgress(shell.talk);
        const rows = differencesIn(answer.rows, progress, shell);
        const columns = {
          table: ['table', 'start', 'end', 'what', 'rows', 'detail', 'repair'],
          show: { start: positionShown, end: positionShown },
          none: 'no differences',
        };
        const end = await printRows({ ...answer, rows }, format, shell.out, { ...columns, json: 'object' });
        sayCompared(end, shell);
        if (end['repaired'] !== undefined) shell.talk.say(`${cell(end['repaired'])} differences were repaired`);
        if (end['agree'] !== true && shell.exitCode === EXIT.done) shell.exitCode = EXIT.failed;
      });
    });
}

async function* differencesIn(
  rows: Extract<Answer, { kind: 'rows' }>['rows'],
  progress: PositionProgress,
  shell: Shell,
): AsyncGenerator<Record<string, unknown>> {
  const { talk } = shell;
  const interruption = new Interruption();
  let compared: unknown;
  try {
    for await (const { kind, ...row } of rows) {
      if (interruption.reason !== undefined) {
        talk.say(`stopped; the same with --from ${positionShown(compared ?? 0)} goes on from there`);
        shell.exitCode = interruption.reason.exitCode;
        return;
      }
      if (kind === 'difference') {
        progress.stop();
        yield row;
      } else {
        progress.update(row);
        compared = row['compared'] ?? compared;
      }
    }
  } finally {
    interruption.ignore();
    progress.stop();
  }
}

function sayCompared({ reached, lagEvents }: Record<string, unknown>, { talk }: Shell): void {
  const lag = lagEvents === 0 ? '' : `; ${cell(lagEvents)} events not yet in ClickHouse: \`tally analytics catch-up\``;
  talk.say(`compared up to ${cell(reached)}${lag}`);
}

/** As every other answer tells a position. */
function positionShown(position: unknown): string {
  return typeof position === 'number' ? encodePosition(BigInt(position)) : cell(position);
}

type Followed = 'analytics.catch-up' | 'analytics.rebuild';

/** Asks for something long: a bar on a terminal, every step as NDJSON, else what it came to. */
async function follow<Q extends Followed>(
  command: Command,
  shell: Shell,
  question: Q,
  params: Params<Q>,
): Promise<void> {
  const { format } = commonOf(command, shell);
  await withTally(command, shell, 'read', async (tally) => {
    const answer = await tally.ask(question, params);
    if (answer.kind !== 'rows') return;
    if (format === 'ndjson') {
      await printRows(answer, format, shell.out);
      return;
    }
    const last = await watched(answer, shell);
    await printValue(last, format, shell.out, followedLines);
  });
}

async function watched(answer: Extract<Answer, { kind: 'rows' }>, { talk }: Shell): Promise<Record<string, unknown>> {
  const progress = new PositionProgress(talk);
  let last: Record<string, unknown> = {};
  try {
    for await (const row of answer.rows) progress.update((last = row));
  } finally {
    progress.stop();
  }
  return last;
}

function followedLines({ reached, head, ...rest }: Record<string, unknown>): string[] {
  return fieldLines({ ...rest, reached: positionShown(reached), head: positionShown(head) });
}

function statusLines({
  filled,
  tables,
  migrations,
  lagEvents,
  lagSeconds,
  ...rest
}: Record<string, unknown>): string[] {
  if (filled !== true) return ['nothing was written to ClickHouse yet'];
  const { applied, pending } = objectOf(migrations);
  const list = (Array.isArray(tables) ? tables : []).map(objectOf);
  return [
    ...fieldLines({ ...rest, lag: `${cell(lagEvents)} events, ${cell(lagSeconds)} s` }),
    `migrations: ${namesOf(applied)}; pending: ${namesOf(pending)}`,
    ...list.map(({ table, rows, bytes }) => `table ${cell(table)}: ${cell(rows)} rows, ${cell(bytes)} bytes`),
  ];
}

function migrationLines({ applied, pending, done }: Record<string, unknown>): string[] {
  return [`applied: ${namesOf(applied)}`, `${done === true ? 'applied now' : 'pending'}: ${namesOf(pending)}`];
}

function namesOf(list: unknown): string {
  return Array.isArray(list) && list.length > 0 ? list.map(cell).join(', ') : 'none';
}
