import { contractSchema } from '#lifecycle';
import type { Command } from 'commander';
import { ask } from '../ask.js';
import { cell } from '../output/cells.js';
import { fieldLines, objectOf } from '../output/value.js';
import { readDocument } from '../read-document.js';
import { verb, type Shell } from '../shell.js';
import { whenFlags, whenOf, type When } from './token.js';

interface Step {
  component: string;
  version: string;
  at?: string;
  gateway?: string;
  region?: string;
  cohort?: string;
  weight?: string;
  sticky?: true;
}

export function addDeployment(program: Command, shell: Shell): void {
  const deployment = program.command('deployment').description('versions: when and where each was active');
  verb(deployment, 'list', 'every activation of every version')
    .option('--component <name>', 'of this component')
    .option('--as-known-at <when>', 'time:T or position:K')
    .action(async ({ component, asKnownAt }: { component?: string; asKnownAt?: string }, command: Command) => {
      const params = { ...(component && { component }), ...(asKnownAt && { asKnownAt }) };
      await ask(command, shell, 'deployment.list', params, {
        columns: { table: ['id', 'on', 'off', 'active', 'inferred', 'contract'], none: 'no deployments' },
      });
    });
  verb(deployment, 'show <id>', 'one version: its activations by gateway, and its contract')
    .option('--component <name>', 'where a version is meant by its name alone')
    .option('--as-known-at <when>', 'time:T or position:K')
    .action(
      async (id: string, { component, asKnownAt }: { component?: string; asKnownAt?: string }, command: Command) => {
        const params = { id, ...(component && { component }), ...(asKnownAt && { asKnownAt }) };
        await ask(command, shell, 'deployment.show', params, { lines: deploymentLines });
      },
    );
  verb(deployment, 'declare <file>', 'record what a version accepts: its contract, as JSON')
    .addHelpText(
      'after',
      '\nThe file holds {"component", "version", "contract", "artifact", "lineage", "at"}, or a list of such; the first' +
        `\ntwo are needed. Of a contract: ${Object.keys(contractSchema.shape).join(', ')}.`.replace(
          /(.{1,110})( |$)/g,
          '$1\n',
        ) +
        'docs/deployments.md explains each key, with a whole example.',
    )
    .action(async (file: string, _flags: unknown, command: Command) => {
      await ask(command, shell, 'deployment.declare', { declaration: readDocument(file) });
    });
  for (const [name, description] of [
    ['activate', 'record that a version took over'],
    ['deactivate', 'record that a version was taken out'],
  ] as const) {
    stepFlags(verb(deployment, name, description)).action(async (step: Step, command: Command) => {
      const { component, version, ...rest } = step;
      const scope = Object.fromEntries(
        ['at', 'gateway', 'region', 'cohort', 'weight', 'sticky'].flatMap((key) => {
          const value = (rest as Record<string, unknown>)[key];
          return value === undefined ? [] : [[key, value]];
        }),
      );
      await ask(command, shell, `deployment.${name}`, { component, version, ...scope });
    });
  }
  whenFlags(verb(deployment, 'matrix', 'issued version × validated version: tokens accepted and refused')).action(
    async (flags: When, command: Command) => {
      await ask(command, shell, 'deployment.matrix', whenOf(flags), { columns: { none: 'no validations' } });
    },
  );
}

function stepFlags(command: Command): Command {
  return command
    .requiredOption('--component <name>', 'which component')
    .requiredOption('--version <version>', 'which version')
    .option('--at <time>', 'when it took effect, with its zone; default now')
    .option('--gateway <id>', 'at this gateway only')
    .option('--region <region>', 'in this region only')
    .option('--cohort <cohort>', 'for this cohort only')
    .option('--weight <share>', 'share of the traffic, 0 to 1')
    .option('--sticky', 'a caller stays with the version it met first');
}

function deploymentLines({ intervals, activations, contract, ...rest }: Record<string, unknown>): string[] {
  const parts = (Array.isArray(activations) && activations.length > 0 ? activations : [{ intervals }]) as unknown[];
  const spans = parts.flatMap((activation) => {
    const each = objectOf(activation);
    return (Array.isArray(each['intervals']) ? each['intervals'] : []).map((interval) => {
      const { scope, on, off, weight, inferred } = objectOf(interval);
      const share = weight === null || weight === undefined ? '' : `, weight ${cell(weight)}`;
      return `  ${cell(scope)}: ${cell(on)} to ${off === null ? 'now' : cell(off)}${share}${inferred === true ? ', inferred' : ''}`;
    });
  });
  const terms =
    contract === null || contract === undefined
      ? ['  none declared']
      : fieldLines(objectOf(contract)).map((line) => `  ${line}`);
  return [...fieldLines(rest), 'activations', ...spans, 'contract', ...terms];
}
