import type { Command } from 'commander';
import { WrongUse } from '../../../api/src/tally/errors.js';
import { ask } from '../ask.js';
import { cell } from '../output/cells.js';
import { objectOf } from '../output/value.js';
import { verb, type Shell } from '../shell.js';

/** Named queries, and SQL of one's own, over ClickHouse. */
export function addQuery(program: Command, shell: Shell): void {
  verb(program, 'query <name>', 'a named query over ClickHouse; `tally query list` tells them all')
    .option('--param <k=v>', 'a parameter of the query; may be repeated', collect, [])
    .action(async (name: string, { param }: { param: string[] }, command: Command) => {
      if (name === 'list') {
        if (param.length > 0) throw new WrongUse('--param', 'has no meaning for the list');
        await ask(
          command,
          shell,
          'query.list',
          {},
          { columns: { table: ['name', 'title', 'params'], show: { params: namesOf } } },
        );
        return;
      }
      const params = JSON.stringify(textsOf(param));
      await ask(
        command,
        shell,
        'query.run',
        { name, params },
        { columns: { json: 'object', none: 'no rows' }, after: sayFreshness },
      );
    });
  verb(
    program,
    'sql <statement>',
    'one SELECT over the tables in ClickHouse, read only; SHOW TABLES lists them',
  ).action(async (sql: string, _flags: unknown, command: Command) => {
    await ask(command, shell, 'sql', { sql }, { columns: { json: 'object', none: 'no rows' }, after: sayFreshness });
  });
}

function collect(value: string, before: string[]): string[] {
  return [...before, value];
}

/** The parameters by name; each is given once. */
function textsOf(pairs: readonly string[]): Record<string, string> {
  const texts = new Map<string, string>();
  for (const [name, value] of pairs.map(pairOf)) {
    if (texts.has(name)) throw new WrongUse('--param', `gives ${name} twice`);
    if (!/^[A-Za-z]\w*$/.test(name))
      throw new WrongUse('--param', `names ${JSON.stringify(name)}, which is no parameter`);
    texts.set(name, value);
  }
  return Object.fromEntries(texts);
}

function pairOf(text: string): [string, string] {
  const at = text.indexOf('=');
  if (at < 1) throw new WrongUse('--param', `takes name=value, not ${JSON.stringify(text)}`);
  return [text.slice(0, at), text.slice(at + 1)];
}

function namesOf(params: unknown): string {
  return Array.isArray(params) ? params.map((param) => cell(objectOf(param)['name'])).join(' ') : cell(params);
}

function sayFreshness({ rows, reached, lagEvents, lagSeconds }: Record<string, unknown>, { talk }: Shell): void {
  const lag =
    lagEvents === 0 ? 'all of the ledger' : `${cell(lagEvents)} events, ${cell(lagSeconds)} s behind the ledger`;
  talk.say(`${cell(rows)} ${rows === 1 ? 'row' : 'rows'}; ClickHouse has reached ${cell(reached)}, ${lag}`);
}
