import type { NamedQuery } from './front-matter.js';

/** The page of the named queries, from their heads: docs/queries.md. */
export function queriesPage(queries: Iterable<NamedQuery>, lead: string): string {
  const list = [...queries];
  const index = list.map(({ name, title }) => `| [\`${name}\`](#${name}) | ${title} |`);
  return [lead.trim(), '', '| query | what |', '|---|---|', ...index, '', ...list.flatMap(sectionOf)].join('\n');
}

function sectionOf({ name, title, description, params, example, chart }: NamedQuery): string[] {
  const flags = Object.entries(example).map(([param, value]) => ` --param ${param}=${value}`);
  const rows = params.map(({ name: param, type, as, default: usual, description: what }) => {
    const kind = Array.isArray(as) ? as.join(' \\| ') : (as ?? (type === 'UUID' ? 'name' : type));
    return `| \`${param}\` | ${kind} | ${usual === undefined ? 'required' : usual} | ${what} |`;
  });
  const axes = [
    chart.x && `x ${chart.x}`,
    chart.y.length > 0 && `y ${chart.y.join(', ')}`,
    chart.series && `by ${chart.series}`,
  ];
  const hint = axes.filter((each) => typeof each === 'string' && each !== '').join('; ');
  return [
    `## ${name}`,
    '',
    `**${title}.** ${description}`,
    '',
    '```sh',
    `tally query ${name}${flags.join('')}`,
    '```',
    '',
    '| parameter | kind | default | what |',
    '|---|---|---|---|',
    ...rows,
    '',
    `Chart: ${chart.kind}${hint === '' ? '' : ` (${hint})`}.`,
    '',
  ];
}
