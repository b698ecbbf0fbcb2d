import { z } from 'zod';
import type { Tally } from '../../../api/src/tally/questions.js';
import type { Talk } from '../output/talk.js';
import { DEMO } from './scene.js';
import type { DemoOptions } from './show-demo.js';

const findingSchema = z.object({
  rule: z.string(),
  severity: z.string(),
  gateway: z.string().nullable(),
  tokens: z.array(z.string()),
  summary: z.string(),
});
const planSchema = z.object({
  verdict: z.string(),
  counts: z.record(z.string(), z.number()),
  decisions: z.array(z.object({ token: z.string(), decision: z.string() })),
  blockers: z.array(z.object({ text: z.string() })),
  steps: z.array(z.object({ text: z.string() })),
});
const deploymentSchema = z.object({
  activations: z.array(z.object({ intervals: z.array(z.object({ scope: z.string(), on: z.string() })) })),
});

/** Findings told one by one; the command beside them lists all. */
const TOLD = 5;

export async function tellStory(tally: Tally, { tenant, data, talk }: DemoOptions): Promise<void> {
  const { asOf, component, good, bad } = DEMO;
  const value = async (answer: ReturnType<Tally['ask']>): Promise<unknown> => {
    const got = await answer;
    return got.kind === 'value' ? got.value : undefined;
  };
  const deployment = deploymentSchema.parse(await value(tally.ask('deployment.show', { tenant, id: bad, component })));
  const plan = planSchema.parse(
    await value(tally.ask('rollback.plan', { tenant, component, from: bad, to: good, asOf })),
  );
  const findings: z.output<typeof findingSchema>[] = [];
  const found = await tally.ask('findings', { tenant, asOf });
  if (found.kind === 'rows') for await (const row of found.rows) findings.push(findingSchema.parse(row));

  const restored = plan.decisions.find(({ decision }) => decision === 'restore')?.token;
  tellDeployment(deployment, plan.counts['restore'] ?? 0, talk);
  tellFindings(findings, talk);
  talk.say();
  talk.head(`What a rollback to ${good} must do: ${plan.verdict.toUpperCase()}`);
  const counts = Object.entries(plan.counts).filter(([, n]) => n > 0);
  talk.say(`  ${counts.map(([label, n]) => `${n} ${label}`).join(', ')}`);
  for (const { text } of plan.blockers.slice(0, TOLD)) talk.say(`  look first: ${text}`);
  for (const [i, { text }] of plan.steps.entries()) talk.say(`  ${i + 1}. ${text}`);
  talk.say();
  talk.head('Try next, in another terminal');
  const flag = data === undefined ? '' : ` --data ${quoted(data)}`;
  for (const command of [
    `rollback plan --component ${component} --from ${bad} --to ${good} --as-of ${asOf}`,
    ...(restored === undefined ? [] : [`token show ${restored} --as-of ${asOf}`, `token history ${restored}`]),
    `findings --severity high --as-of ${asOf}`,
    `state --as-of version:${good} --component ${component} -o tsv | sha256sum`,
    'deployment matrix',
    'ingest access.log --source auto',
  ]) {
    const [main, ...piped] = command.split(' | ');
    talk.say(`  npx tally ${[`${main}${flag}`, ...piped].join(' | ')}`);
  }
}

function tellDeployment({ activations }: z.output<typeof deploymentSchema>, restore: number, talk: Talk): void {
  const switches = (activations.at(-1)?.intervals ?? []).map(
    ({ scope, on }) => `${scope.replace(/^gateway /, '')} at ${on.slice(11, 16)}`,
  );
  talk.say();
  talk.head(`${DEMO.bad} replaced ${DEMO.good}: ${switches.join(', ')} UTC`);
  talk.say(
    `  ${DEMO.bad} does not know a signing key that ${DEMO.good} knew. It refuses ${restore} tokens that are good,`,
  );
  talk.say('  by the evidence: another version accepted them before, or their issuance was seen.');
}

function tellFindings(findings: readonly z.output<typeof findingSchema>[], talk: Talk): void {
  const bySeverity = new Map<string, number>();
  for (const { severity } of findings) bySeverity.set(severity, (bySeverity.get(severity) ?? 0) + 1);
  talk.say();
  talk.head(`${findings.length} findings: ${[...bySeverity].map(([severity, n]) => `${n} ${severity}`).join(', ')}`);
  for (const { severity, rule, gateway, summary } of findings.slice(0, TOLD)) {
    talk.say(`  ${severity} ${rule}${gateway === null ? '' : ` at ${gateway}`}: ${summary}`);
  }
}

function quoted(text: string): string {
  return /^[\w./~-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
