import { z } from 'zod';
import { BadQueryFile } from './errors.js';

/** Types that a parameter of a named query may have: ClickHouse binds them, nothing is put into the text. */
const PARAM_TYPES = ['String', 'UUID', 'Int64', 'UInt32', 'Float64'] as const;

const paramSchema = z
  .strictObject({
    name: z.string().regex(/^[a-z][A-Za-z]*$/),
    type: z.enum(PARAM_TYPES),
    /** What the text that is given means: an instant, a duration, or one of these words. */
    as: z.union([z.enum(['time', 'duration']), z.array(z.string()).min(2)]).optional(),
    /** The text that stands for the parameter where none is given; undefined: it is required. */
    default: z.string().optional(),
    description: z.string().min(1),
  })
  .refine(({ as, type }) => typeof as !== 'string' || type === 'Int64', 'times and durations are Int64')
  .refine(({ as, type }) => !Array.isArray(as) || type === 'String', 'a choice of words is a String')
  .refine(
    ({ as, default: given }) => !Array.isArray(as) || given === undefined || as.includes(given),
    'its default is none of its words',
  );
export type QueryParam = z.output<typeof paramSchema>;

const chartSchema = z.strictObject({
  kind: z.enum(['line', 'bars', 'heatmap', 'table']),
  x: z.string().optional(),
  /** Columns on the value axis. */
  y: z.array(z.string()).default([]),
  series: z.string().optional(),
});
export type ChartHint = z.output<typeof chartSchema>;

const querySchema = z.strictObject({
  name: z.string().regex(/^[a-z]+(-[a-z]+)*$/),
  title: z.string().min(1),
  description: z.string().min(1),
  params: z.array(paramSchema),
  /** Columns that hold instants, in ms in SQL and as ISO text in answers. */
  times: z.array(z.string()),
  /** Of these parameters at least one must be given. */
  needs: z.array(z.string()),
  /** Parameters of an example, as texts. */
  example: z.record(z.string(), z.string()),
  chart: chartSchema,
  /** One SELECT; or several, each given what the one row of an earlier one says. */
  steps: z
    .array(z.object({ sql: z.string().regex(/^(SELECT|WITH)\s/), given: z.record(z.string(), z.string()) }))
    .min(1),
});
export type NamedQuery = z.output<typeof querySchema>;

/** Given to every query beside its own parameters: see `QueryContext`. */
export const BUILT_IN = { tenant: 'String', now: 'Int64', claimed: 'Array(UInt64)' } as const;
/** Which component's versions a source stamps: two lists, source by source. */
const OF_SOURCES = { sources: 'Array(String)', components: 'Array(String)' } as const;

/**
 * Reads a query file: lines `-- key: value`, a key's longer text on lines that begin with `--   `, then one SELECT.
 * Where that would compute the same many times over, `-- then, given names Array(UUID):` ends a SELECT whose one row
 * gives these to all that follow. Placeholders must be parameters, with the types that the head gives them.
 * @throws BadQueryFile
 */
export function readQuery(name: string, text: string): NamedQuery {
  const lines = text.split('\n');
  const end = lines.findIndex((line) => !line.startsWith('--'));
  const heads = headsOf(name, lines.slice(0, end));
  const one = (key: string): string | undefined => heads.find((head) => head.key === key)?.value;
  const parsed = querySchema.safeParse({
    name,
    title: one('title'),
    description: one('description'),
    params: heads.filter(({ key }) => key.startsWith('param ')).map(({ key, value }) => paramOf(name, key, value)),
    times: (one('times') ?? '').split(/,\s*/).filter((column) => column !== ''),
    needs: (one('needs') ?? '').split(/,\s*/).filter((param) => param !== ''),
    example: pairsOf(one('example') ?? ''),
    chart: chartOf(one('chart') ?? ''),
    steps: stepsOf(lines.slice(end).join('\n')),
  });
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new BadQueryFile(name, `${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`);
  }
  checkPlaceholders(parsed.data);
  return parsed.data;
}

function stepsOf(text: string): { sql: string; given: Record<string, string> }[] {
  const [first, ...rest] = text.split(/^-- then, given (.+):\n/m);
  const steps = [{ sql: first!.trim(), given: {} }];
  for (let i = 0; i < rest.length; i += 2) {
    const given = rest[i]!.split(', ').map((each): [string, string] => [each.split(' ')[0]!, each.split(' ')[1] ?? '']);
    steps.push({ sql: rest[i + 1]!.trim(), given: Object.fromEntries(given) });
  }
  return steps;
}

function headsOf(name: string, lines: readonly string[]): { key: string; value: string }[] {
  const heads: { key: string; value: string }[] = [];
  for (const line of lines) {
    const more = /^-- {3}(\S.*)$/.exec(line);
    const last = heads.at(-1);
    if (more !== null && last !== undefined) {
      last.value += ` ${more[1]!}`;
      continue;
    }
    const head = /^-- (param [^:]+|title|description|times|needs|example|chart): (.+)$/.exec(line);
    if (head === null) throw new BadQueryFile(name, `cannot read ${JSON.stringify(line)}`);
    heads.push({ key: head[1]!, value: head[2]! });
  }
  return heads;
}

/** `param from Int64 as time, default now-24h`, or `param client UUID, required`. */
function paramOf(query: string, head: string, description: string): z.input<typeof paramSchema> {
  const match = /^param (\w+) (\w+)(?: as ([\w|]+))?, (?:required|default (\S+))$/.exec(head);
  if (match === null) throw new BadQueryFile(query, `cannot read ${JSON.stringify(head)}`);
  const [, name, type, as, given] = match;
  return {
    name: name!,
    type: type as QueryParam['type'],
    ...(as !== undefined && { as: as === 'time' || as === 'duration' ? as : as.split('|') }),
    ...(given !== undefined && { default: given }),
    description,
  };
}

function pairsOf(text: string): Record<string, string> {
  const words = text.split(' ').filter((word) => word !== '');
  return Object.fromEntries(words.map((word) => [word.split('=', 1)[0]!, word.slice(word.indexOf('=') + 1)]));
}

/** `bars x=at y=tokens,uses series=series`. */
function chartOf(text: string): unknown {
  const [kind, ...rest] = text.split(' ');
  const { y, ...others } = pairsOf(rest.join(' '));
  return { kind, ...others, ...(y !== undefined && { y: y.split(',') }) };
}

function checkPlaceholders({ name, params, steps, needs, example }: NamedQuery): void {
  const types = new Map<string, string>([
    ...Object.entries({ ...BUILT_IN, ...OF_SOURCES }),
    ...params.map((param): [string, string] => [param.name, param.type]),
  ]);
  const used = new Set<string>();
  for (const { sql, given } of steps) {
    for (const [each, type] of Object.entries(given)) types.set(each, type);
    for (const [, placeholder, type] of sql.matchAll(/\{(\w+):([^}]+)\}/g)) {
      used.add(placeholder!);
      if (types.get(placeholder!) !== type)
        throw new BadQueryFile(name, `{${placeholder}:${type}} is no parameter of it`);
    }
  }
  const idle = ['tenant', ...params.map((param) => param.name)].find((each) => !used.has(each));
  if (idle !== undefined) throw new BadQueryFile(name, `its parameter ${idle} is not used`);
  const unknown = needs.find((each) => !params.some((param) => param.name === each));
  if (unknown !== undefined) throw new BadQueryFile(name, `it needs ${unknown}, which is no parameter`);
  const foreign = Object.keys(example).find((each) => each !== 'now' && !params.some((param) => param.name === each));
  if (foreign !== undefined) throw new BadQueryFile(name, `its example gives ${foreign}, which is no parameter`);
}
