import { writeFileSync } from 'node:fs';
import { formatTime } from '#lifecycle';
import { storing } from '#platform';
import type { Command } from 'commander';
import { ask } from '../ask.js';
import { cell, padded } from '../output/cells.js';
import { objectOf } from '../output/value.js';
import { verb, type Shell } from '../shell.js';

/** Decisions that a terminal is shown; JSON has them all. */
const SHOWN = 20;

interface PlanFlags {
  component: string;
  from: string;
  to: string;
  out?: string;
  asOf?: string;
  asKnownAt?: string;
}

export function addRollback(program: Command, shell: Shell): void {
  const rollback = program.command('rollback').description('going back to an earlier version');
  verb(rollback, 'plan', 'what must happen to which token before traffic moves; exit code 0 pass, 5 hold, 3 fail')
    .requiredOption('--component <name>', 'which component')
    .requiredOption('--from <version>', 'the version that is rolled back')
    .requiredOption('--to <version>', 'the version that gets the traffic')
    .option('--as-of <when>', 'time:T or version:V; default now')
    .option('--as-known-at <when>', 'time:T or position:K; default all that is known')
    .option('--out <file>', 'write the plan there, as JSON')
    .action(async ({ component, from, to, out, asOf, asKnownAt }: PlanFlags, command: Command) => {
      const params = { component, from, to, ...(asOf && { asOf }), ...(asKnownAt && { asKnownAt }) };
      await ask(command, shell, 'rollback.plan', params, {
        lines: planLines,
        keep: (plan) => {
          if (out === undefined) return;
          storing(out, () => writeFileSync(out, `${JSON.stringify(plan, undefined, 2)}\n`));
          shell.talk.say(`plan written to ${out}`);
        },
      });
    });
}

function planLines(plan: Record<string, unknown>): string[] {
  const { component, from, to, verdict, counts, blockers, steps, blastRadius, covers, notes, digest } = plan;
  const decisions = listOf(plan['decisions']);
  const radius = objectOf(blastRadius);
  const cover = objectOf(covers);
  const lines = [
    `rollback of ${cell(component)} from ${cell(from)} to ${cell(to)}: ${cell(verdict).toUpperCase()}`,
    `tokens: ${Object.entries(objectOf(counts))
      .map(([label, n]) => `${cell(n)} ${label}`)
      .join(', ')}`,
    `touches ${cell(radius['subjects'])} subjects and ${cell(radius['clients'])} clients; ` +
      `${cell(radius['expectedReLogins'])} logins expected, ${cell(radius['keysToReplace'])} keys to replace`,
    `as of ${formatTime(Number(cover['T']))}, known at ${cell(cover['K'])}, ${cell(cover['state'])}`,
  ];
  for (const blocker of listOf(blockers)) lines.push(`${cell(blocker['verdict'])}: ${cell(blocker['text'])}`);
  if (listOf(steps).length > 0) lines.push('steps, in this order:');
  for (const [i, step] of listOf(steps).entries()) lines.push(`  ${i + 1}. ${cell(step['text'])}`);
  if (decisions.length > 0) lines.push('decisions:');
  for (const decision of decisions.slice(0, SHOWN)) {
    const reasons = listOf(decision['reasons']).map((reason) => cell(reason['text']));
    const reissue = decision['reissue'] === true ? ' + reissue' : '';
    lines.push(
      `  ${cell(decision['token'])}  ${padded(cell(decision['decision']) + reissue, 10)}  ${reasons.join('; ')}`,
    );
  }
  if (decisions.length > SHOWN) lines.push(`  … and ${decisions.length - SHOWN} more: -o json, or --out plan.json`);
  if (Array.isArray(notes)) for (const note of notes) lines.push(`note: ${cell(note)}`);
  lines.push(`digest ${cell(digest)}`);
  return lines;
}

function listOf(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.map(objectOf) : [];
}
