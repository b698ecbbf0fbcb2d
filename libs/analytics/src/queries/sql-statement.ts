import { SqlRefused } from './errors.js';

/** What somebody typed, as far as words tell. */
export type SqlStatement =
  | { kind: 'select'; select: string; explain?: string }
  | { kind: 'tables' }
  | { kind: 'describe'; table: string }
  | { kind: 'create'; table: string };

/** Longest statement; names of tables and lists of values included. */
const LONGEST = 65_536;
const TABLE = String.raw`(?:tallystick\.)?([A-Za-z_][A-Za-z0-9_]*)`;
const EXPLAIN =
  /^EXPLAIN(?:\s+(AST|SYNTAX|PLAN|PIPELINE|ESTIMATE|QUERY\s+TREE))?((?:\s+(?:actions|header|description|indexes|projections|json|graph|compact)\s*=\s*[01]\s*,?)*)\s+(?=SELECT\b|WITH\b)/i;

/**
 * Tells the kinds of statement apart and refuses what could be another statement, or be one for another parser: only
 * then is the engine's own parser asked (`checkSelect`).
 * @throws SqlRefused
 */
export function readStatement(text: string): SqlStatement {
  const sql = text.trim().replace(/;\s*$/, '').trim();
  if (sql === '') throw new SqlRefused('it is empty');
  if (sql.length > LONGEST) throw new SqlRefused(`it is longer than ${LONGEST} characters`);
  // Wherever they stand: no reading of quotes and comments could then differ from the engine's.
  if (sql.includes(';'))
    throw new SqlRefused('it holds a semicolon: one statement at a time', 'Write char(59) for one in a text.');
  if (/outfile/i.test(sql)) throw new SqlRefused('INTO OUTFILE writes a file');
  if (sql.includes('{'))
    throw new SqlRefused('it holds a brace: there are no parameters to fill in', 'Write char(123) for one in a text.');
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/.test(sql)) throw new SqlRefused('it holds control characters');
  if (/^SHOW\s+TABLES$/i.test(sql)) return { kind: 'tables' };
  const described = new RegExp(`^(?:DESCRIBE|DESC)\\s+(?:TABLE\\s+)?${TABLE}$`, 'i').exec(sql);
  if (described !== null) return { kind: 'describe', table: described[1]! };
  const created = new RegExp(`^SHOW\\s+CREATE\\s+(?:TABLE\\s+|VIEW\\s+)?${TABLE}$`, 'i').exec(sql);
  if (created !== null) return { kind: 'create', table: created[1]! };
  const explained = EXPLAIN.exec(sql);
  if (explained !== null) {
    const select = sql.slice(explained[0].length);
    return { kind: 'select', select, explain: `EXPLAIN ${explained[1] ?? ''} ${explained[2] ?? ''} ` };
  }
  if (/^(SELECT|WITH)\b/i.test(sql)) return { kind: 'select', select: sql };
  throw new SqlRefused('only SELECT, WITH, EXPLAIN, DESCRIBE table, SHOW TABLES and SHOW CREATE table are run');
}

/** What may stand between a word and what it belongs to: spaces, the end of a quoted name, comments. */
const BETWEEN = String.raw`(?:[\s\u0060"\u201d]|/\*[^]*?\*/|(?:--|#)[^\n]*\n)*`;

/**
 * A second look, at the words alone, wherever they stand: the syntax tree as it is shown leaves out what is written in
 * a window. Texts are not told apart from the rest, for quotes are what an attacker would try.
 * @throws SqlRefused
 */
export function checkWords(
  select: string,
  { refused, foreign }: { refused: ReadonlySet<string>; foreign: ReadonlySet<string> },
): void {
  if (select.includes('\\') && /[`"]/.test(select))
    throw new SqlRefused('it holds a backslash and a quoted name', 'Leave out one of them.');
  for (const [, word] of select.matchAll(new RegExp(`([A-Za-z_][A-Za-z0-9_]*)${BETWEEN}\\(`, 'g')))
    if (refused.has(word!.toLowerCase())) throw new SqlRefused(`the function ${word} is not one that is run here`);
  for (const [, word] of select.matchAll(new RegExp(`([A-Za-z_][A-Za-z0-9_]*)${BETWEEN}\\.`, 'g')))
    if (foreign.has(word!) || foreign.has(word!.toLowerCase())) throw new SqlRefused(`${word} is another database`);
  if (new RegExp(`\\bSETTINGS\\b${BETWEEN}[A-Za-z_]\\w*${BETWEEN}=`, 'i').test(select))
    throw new SqlRefused('SETTINGS cannot be changed here');
}

/**
 * Refuses a SELECT that reaches beyond our tables: table functions, files, addresses, other databases, settings,
 * functions that tell of the server or wait. Judged by the syntax tree that the engine's own parser makes of it.
 * @param tree lines of `EXPLAIN AST`
 * @throws SqlRefused
 */
export function checkTree(
  tree: readonly string[],
  {
    allowed,
    refused,
    foreign,
  }: { allowed: ReadonlySet<string>; refused: ReadonlySet<string>; foreign: ReadonlySet<string> },
  isColumn: (name: string) => boolean,
): void {
  if (tree[0]?.startsWith('SelectWithUnionQuery') !== true) throw new SqlRefused('it cannot be read as a SELECT');
  for (const line of tree) {
    const [, node, rest = ''] = /^\s*(\w+)(?: (.*))?$/s.exec(line) ?? [];
    const name = rest.replace(/ \((?:alias .*|children \d+)\)$/s, '').replace(/ \(alias .*$/s, '');
    if (node === 'Set') throw new SqlRefused('SETTINGS cannot be changed here');
    if (node === 'Function' && !allowed.has(name.toLowerCase()))
      throw new SqlRefused(`the function ${name} is not one that is run here`);
    if (node === 'ColumnsApplyTransformer')
      throw new SqlRefused('APPLY hides the function that it calls', 'Write the calls out.');
    if (node !== 'Identifier' && node !== 'TableIdentifier') continue;
    const [database] = name.split('.');
    // A SELECT without FROM has this one, which holds a zero.
    if (node === 'TableIdentifier' && name === 'system.one') continue;
    if (name.includes('.') && foreign.has(database!)) throw new SqlRefused(`${name} lies in another database`);
    if (node === 'Identifier' && refused.has(name.toLowerCase()) && !isColumn(name))
      throw new SqlRefused(`${name} is the name of a function that is not run here`, 'Call your column otherwise.');
  }
}
