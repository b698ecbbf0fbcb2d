import { afterAll } from '@jest/globals';
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SettingsInput } from '#lifecycle';
import { LocalTally } from '../tally/local-tally.js';
import type { IngestAnswer, Params, QuestionName } from '../tally/questions.js';
import type { TokenAnswer } from '../tally/token-answer.js';

/** For end-to-end specs: the whole product over a temporary data directory, asked as the command line asks it. */

const CASES = new URL('../../../../libs/sources/cases/', import.meta.url);

export type Row = Record<string, unknown>;
export type JsonLine = Record<string, unknown>;
export type Input = string | Uint8Array | readonly (string | JsonLine)[];

export interface FindingRow {
  id: string;
  rule: string;
  kind: string;
  severity: string;
  provisional: boolean;
  tokens: string[];
  family: string | null;
  gateway: string | null;
  summary: string;
  evidence: Row;
}

export interface PlanAnswer {
  verdict: string;
  counts: Record<string, number>;
  decisions: { token: string; decision: string; steps: string[]; reasons: { rule: string; text: string }[] }[];
  blockers: { rule: string; text: string }[];
  steps: { step: string; tokens: number }[];
  notes: string[];
}

export const CASE_FILES: readonly string[] = readdirSync(CASES)
  .filter((file) => file.endsWith('.ndjson'))
  .sort();

/** The settings that all field cases assume; each call gives a fresh copy to change. */
export function caseSettings(): SettingsInput & { sources: NonNullable<SettingsInput['sources']> } {
  return JSON.parse(readFileSync(new URL('settings.json', CASES), 'utf8')) as ReturnType<typeof caseSettings>;
}

export function caseBytes(file: string): Buffer {
  return readFileSync(new URL(file, CASES));
}

/** The lines of a case as they stand, the cut one of case 11 included. */
export function caseLines(file: string): string[] {
  return caseBytes(file)
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '');
}

/** The n-th record of a case (from 1), parsed; changed by the caller, it is a variant of its kind. */
export function caseRecord<T = JsonLine>(file: string, n: number): T {
  return JSON.parse(caseLines(file)[n - 1]!) as T;
}

/** `01-refresh-race.keycloak.ndjson` → `keycloak`. */
export function sourceOf(file: string): string {
  return file.split('.')[1]!;
}

export const T0 = Date.parse('2026-03-10T09:00:00.000Z');

/** `time:…` so many seconds after 09:00 of the cases' day. */
export function after(seconds: number): string {
  return `time:${iso(seconds)}`;
}

export function iso(seconds: number): string {
  return new Date(T0 + seconds * 1000).toISOString();
}

/** Recorded the day after the cases: only the line of 2027 in case 6 lies in the future. */
export const clock = (): number => Date.parse('2026-03-11T00:00:00.000Z');
const open = (directory: string, eventstore?: string): Promise<LocalTally> =>
  LocalTally.open(directory, {
    access: 'write',
    purpose: 'case spec',
    clock,
    ...(eventstore !== undefined && { eventstore }),
  });

let template: Promise<string> | undefined;
/** An empty ledger with its secrets: every product of a spec starts as a copy, so that names and digests compare. */
function emptyLedger(): Promise<string> {
  template ??= (async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tally-cases-'));
    const tally = await open(directory);
    tally.stores.secrets.current('default');
    await tally.close();
    return directory;
  })();
  return template;
}
afterAll(async () => {
  if (template !== undefined) rmSync(await template, { recursive: true, force: true });
});

export class Product {
  private constructor(
    readonly directory: string,
    private tally: LocalTally,
    private readonly eventstore: string | undefined,
  ) {}

  /**
   * @param settings declared before anything is taken in; null for none.
   * @param eventstore connection string of the ledger, in place of the embedded one
   */
  static async open(settings: SettingsInput | null = caseSettings(), eventstore?: string): Promise<Product> {
    const directory = mkdtempSync(join(tmpdir(), 'tally-case-'));
    cpSync(await emptyLedger(), directory, { recursive: true });
    const tally = await open(directory, eventstore);
    const product = new Product(directory, tally, eventstore);
    if (settings !== null) await product.value('settings.declare', { settings });
    return product;
  }

  /** Ends the process, as it were, and starts it again on the same directory. */
  async restart(): Promise<void> {
    await this.tally.close();
    this.tally = await open(this.directory, this.eventstore);
  }

  async close(): Promise<void> {
    await this.tally.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Brings ClickHouse up to the ledger's head, as each command that writes does. */
  settle(): Promise<void> {
    return this.tally.settle();
  }

  /** A named query, with relative times counted from `now`. */
  async query(name: string, now: string, params: Record<string, string> = {}): Promise<{ rows: Row[]; end: Row }> {
    return this.rows('query.run', { name, params: JSON.stringify({ now: now.replace(/^time:/, ''), ...params }) });
  }

  ingest(input: Input, source = 'auto'): Promise<IngestAnswer> {
    const bytes =
      input instanceof Uint8Array
        ? input
        : Buffer.from(
            typeof input === 'string'
              ? input
              : input.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'),
          );
    const options = { tenant: 'default', source, what: 'case', finished: true };
    return this.tally.ingest(once(bytes), options);
  }

  async value<T>(question: QuestionName, params: Params<QuestionName>): Promise<T> {
    const answer = await this.tally.ask(question, params);
    if (answer.kind !== 'value') throw new Error(`${question} answers in rows`);
    return answer.value as T;
  }

  async rows<T = Row>(question: QuestionName, params: Params<QuestionName>): Promise<{ rows: T[]; end: Row }> {
    const answer = await this.tally.ask(question, params);
    if (answer.kind !== 'rows') throw new Error(`${question} answers with a value`);
    const rows: T[] = [];
    for await (const row of answer.rows) rows.push(row as T);
    return { rows, end: answer.end?.() ?? {} };
  }

  /** The one token that a jti of an issuer, a name, or a hash means. */
  async token(selector: { jti: string; issuer: string } | { name: string } | { sha256: string }, asOf: string) {
    const answer = await this.value<TokenAnswer | TokenAnswer[]>('token.show', { ...selector, asOf });
    if (Array.isArray(answer)) throw new Error(`${answer.length} parts, not one token`);
    return answer;
  }

  /** Every part that a selector means: one of a plain token, several of a conflicting identity. */
  async parts(selector: { jti: string; issuer: string }, asOf: string): Promise<TokenAnswer[]> {
    const answer = await this.value<TokenAnswer | TokenAnswer[]>('token.show', { ...selector, asOf });
    return Array.isArray(answer) ? answer : [answer];
  }

  async findings(asOf: string, filter: { rule?: string; token?: string } = {}): Promise<FindingRow[]> {
    return (await this.rows<FindingRow>('findings', { asOf, ...filter })).rows;
  }

  async state(asOf: string): Promise<{ rows: Row[]; digest: string }> {
    const { rows, end } = await this.rows('state', { asOf });
    return { rows, digest: String(end['digest']) };
  }

  async history(name: string, asOf: string, personal = false): Promise<Row[]> {
    return (await this.rows('token.history', { name, asOf, personal })).rows;
  }

  async export(): Promise<Row[]> {
    return (await this.rows('export', {})).rows;
  }

  plan(from: string, to: string, asOf: string): Promise<PlanAnswer> {
    return this.value('rollback.plan', { component: 'gateway', from, to, asOf });
  }

  /** Every byte in the data directory, file by file, write-ahead logs included. */
  files(): { file: string; bytes: Buffer }[] {
    const out: { file: string; bytes: Buffer }[] = [];
    const walk = (folder: string): void => {
      for (const name of readdirSync(folder)) {
        const path = join(folder, name);
        if (statSync(path).isDirectory()) walk(path);
        else out.push({ file: path.slice(this.directory.length + 1), bytes: readFileSync(path) });
      }
    };
    walk(this.directory);
    return out;
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Runs a check over a product with these inputs and closes it, whatever happens. */
export async function withProduct(
  inputs: readonly Input[],
  check: (product: Product, reports: IngestAnswer[]) => Promise<void>,
  settings: SettingsInput | null = caseSettings(),
): Promise<void> {
  const product = await Product.open(settings);
  try {
    const reports: IngestAnswer[] = [];
    for (const input of inputs) reports.push(await product.ingest(input));
    await check(product, reports);
  } finally {
    await product.close();
  }
}

/** What must be equal whatever the order of input: the digest of the states, and each finding by what it says. */
export async function answersOf(product: Product, asOf: string): Promise<{ digest: string; findings: string[] }> {
  const { digest } = await product.state(asOf);
  const findings = await product.findings(asOf);
  return {
    digest,
    findings: findings
      .map(({ id, rule, kind, severity, tokens, provisional }) =>
        [rule, kind, severity, provisional ? 'provisional' : 'final', id, ...[...tokens].sort()].join(' '),
      )
      .sort(),
  };
}

/** `records = accepted + duplicates + conflicts + rejected + ignored` (MODEL §2.3). */
export function sumsUp(report: IngestAnswer): boolean {
  const { records, accepted, duplicates, conflicts, rejected, ignored } = report;
  return records === accepted + duplicates + conflicts + rejected + ignored;
}

/** Numbers from 0 up to but not including 1, the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
