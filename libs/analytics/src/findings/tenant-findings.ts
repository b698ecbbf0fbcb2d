import type Database from 'better-sqlite3';
import type { Finding, Name } from '#lifecycle';

/** What one unit gave rise to when it was judged last, and what could change that though none of its facts does. */
export interface JudgedUnit {
  center: Name;
  /** Subjects, clients, keys and sessions: what fences, keys and suspensions reach it by. */
  marks: Iterable<Name>;
  /** When its answers turn by time alone; Infinity for never. */
  turn: number;
  issuers: Iterable<string>;
  /** Names of other tokens, grants and logins that its findings rest on. */
  looks: Iterable<string>;
  /** What was asked of watermarks: sources (as `sourcesKey` writes them) and instants. */
  asks: Iterable<{ sources: string; instant: number }>;
  findings: readonly Finding[];
}

/** What was said of a finding last: the fold of its stream. */
export interface Said {
  revision: bigint;
  finding: Finding;
  /** False once it was withdrawn. */
  stands: boolean;
}

/** What belongs to a tenant beside units and findings. */
export interface TenantState {
  rules: string;
  /** The instant as of which everything was judged. */
  T: number;
  /** When more of the world's facts count. */
  worldTurn: number | null;
  /** The sources that issue, as far as they have a watermark. */
  issuing: string[];
  /** How many units show each issuer. */
  issuers: [string, number][];
  /** How far the sets of sources that were asked for had come. */
  limits: [string, number | null][];
  clocks: [source: string, high: number | null, lastRecorded: number][];
  lastRecorded: number | null;
}

/** Of the tables with a row for nearly every token: made after all rows were put, for sorting is cheaper than placing. */
export const BULK_INDEXES = [
  'CREATE UNIQUE INDEX units_of ON units (tenant, unit);',
  'CREATE INDEX looks_at ON looks (tenant, at);',
  'CREATE INDEX looks_of ON looks (tenant, unit);',
] as const;

type Row<P extends unknown[], R> = Database.Statement<P, R>;

/** One tenant's part of the store. Nothing is durable before the store commits. */
export class TenantFindings {
  readonly #get: Row<[string], string>;
  readonly #set: Row<[string, string], unknown>;
  readonly #putUnit: Row<[string, string, string, number | null, string], unknown>;
  readonly #putPart: Row<[string, string, string, string], unknown>;
  readonly #putLook: Row<[string, string, string], unknown>;
  readonly #putAsk: Row<[string, string, number, string], unknown>;
  readonly #issuersOf: Row<[string, string], string>;
  readonly #idsOf: Row<[string, string], string>;
  readonly #removals: Row<[string, string], unknown>[];
  readonly #parts: Row<[string, string], string>;
  readonly #looking: Row<[string, string], string>;
  readonly #marked: Row<[string, string], string>;
  readonly #turned: Row<[string, number], string>;
  readonly #asking: Row<[string, string, number, number], string>;
  readonly #said: Row<[string, string], [number, string, number]>;
  readonly #say: Row<[string, string, number, string, number], unknown>;

  constructor(
    private readonly database: Database.Database,
    readonly tenant: string,
  ) {
    const all = <P extends unknown[], R = unknown>(sql: string): Row<P, R> => database.prepare<P, R>(sql);
    const column = <P extends unknown[], R>(sql: string): Row<P, R> => database.prepare<P, R>(sql).pluck();
    this.#get = column('SELECT state FROM tenants WHERE tenant = ?');
    this.#set = all('INSERT OR REPLACE INTO tenants VALUES (?, ?)');
    this.#putUnit = all('INSERT INTO units VALUES (?, ?, ?, ?, ?)');
    this.#putPart = all('INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?)');
    this.#putLook = all('INSERT INTO looks VALUES (?, ?, ?)');
    this.#putAsk = all('INSERT OR IGNORE INTO asks VALUES (?, ?, ?, ?)');
    this.#issuersOf = column('SELECT issuers FROM units WHERE tenant = ? AND unit = ?');
    this.#idsOf = column('SELECT id FROM parts WHERE tenant = ? AND unit = ?');
    this.#removals = ['units', 'parts', 'looks', 'asks'].map((table) =>
      all(`DELETE FROM ${table} WHERE tenant = ? AND unit = ?`),
    );
    this.#parts = column('SELECT findings FROM parts WHERE tenant = ? AND id = ? ORDER BY unit');
    this.#looking = column('SELECT unit FROM looks WHERE tenant = ? AND at = ?');
    this.#marked = column('SELECT unit FROM units WHERE tenant = ? AND instr(marks, ?) > 0');
    this.#turned = column('SELECT unit FROM units WHERE tenant = ? AND turn <= ?');
    this.#asking = column(
      'SELECT DISTINCT unit FROM asks WHERE tenant = ? AND sources = ? AND instant >= ? AND instant <= ?',
    );
    this.#said = database
      .prepare<[string, string], [number, string, number]>(
        'SELECT revision, finding, stands FROM said WHERE tenant = ? AND id = ?',
      )
      .raw();
    this.#say = all('INSERT OR REPLACE INTO said VALUES (?, ?, ?, ?, ?)');
  }

  state(): TenantState | undefined {
    const text = this.#get.get(this.tenant);
    return text === undefined ? undefined : (JSON.parse(text) as TenantState);
  }

  setState(state: TenantState): void {
    this.#set.run(this.tenant, JSON.stringify(state));
  }

  /** Units that nobody need come back to leave no row. */
  put({ center, marks, turn, issuers, looks, asks, findings }: JudgedUnit): void {
    const { tenant } = this;
    const [marked, shown] = [[...marks].join(' '), [...issuers]];
    if (marked !== '' || turn !== Infinity || shown.length > 0)
      this.#putUnit.run(tenant, center, marked, turn === Infinity ? null : turn, JSON.stringify(shown));
    for (const at of looks) this.#putLook.run(tenant, at, center);
    for (const { sources, instant } of asks) this.#putAsk.run(tenant, sources, instant, center);
    const byId = new Map<string, Finding[]>();
    for (const finding of findings) byId.set(finding.id, [...(byId.get(finding.id) ?? []), finding]);
    for (const [id, list] of byId) this.#putPart.run(tenant, center, id, JSON.stringify(list));
  }

  /** Takes a unit out; gives the issuers that it showed and the findings that it was part of. */
  remove(unit: Name): { issuers: string[]; ids: string[] } {
    const shown = this.#issuersOf.get(this.tenant, unit);
    const ids = this.#idsOf.all(this.tenant, unit);
    for (const removal of this.#removals) removal.run(this.tenant, unit);
    return { issuers: shown === undefined ? [] : (JSON.parse(shown) as string[]), ids };
  }

  /** Takes all units out; to be followed by `indexed` once all are put again. */
  clear(): void {
    for (const index of ['units_of', 'looks_at', 'looks_of']) this.database.exec(`DROP INDEX IF EXISTS ${index}`);
    for (const table of ['units', 'parts', 'looks', 'asks'])
      this.database.prepare(`DELETE FROM ${table} WHERE tenant = ?`).run(this.tenant);
  }

  /** Units can be looked up again. */
  indexed(): void {
    for (const index of BULK_INDEXES) this.database.exec(index);
  }

  /** Of one finding: what each unit gives to it, in order of unit. */
  partsOf(id: string): Finding[] {
    return this.#parts.all(this.tenant, id).flatMap((text) => JSON.parse(text) as Finding[]);
  }

  hasParts(unit: Name): boolean {
    return this.#idsOf.get(this.tenant, unit) !== undefined;
  }

  /** Every id that a unit is part of, or that was said to stand. */
  ids(): string[] {
    return this.database
      .prepare<[string, string], string>(
        'SELECT id FROM parts WHERE tenant = ? UNION SELECT id FROM said WHERE tenant = ? AND stands = 1',
      )
      .pluck()
      .all(this.tenant, this.tenant);
  }

  unitsLookingAt(name: string): Name[] {
    return this.#looking.all(this.tenant, name);
  }
  unitsMarked(name: Name): Name[] {
    return this.#marked.all(this.tenant, name);
  }
  unitsTurnedBy(T: number): Name[] {
    return this.#turned.all(this.tenant, T);
  }
  /** Units that asked whether these sources had come to an instant in [from, to]. */
  unitsAsking(sources: string, from: number, to: number): Name[] {
    return this.#asking.all(this.tenant, sources, from, to);
  }

  said(id: string): Said | undefined {
    const row = this.#said.get(this.tenant, id);
    if (row === undefined) return undefined;
    return { revision: BigInt(row[0]), finding: JSON.parse(row[1]) as Finding, stands: row[2] === 1 };
  }

  say(id: string, { revision, finding, stands }: Said): void {
    this.#say.run(this.tenant, id, Number(revision), JSON.stringify(finding), stands ? 1 : 0);
  }

  /** What stands, in no order. */
  standing(): Finding[] {
    const texts = this.database
      .prepare<[string], string>('SELECT finding FROM said WHERE tenant = ? AND stands = 1')
      .pluck()
      .all(this.tenant);
    return texts.map((text) => JSON.parse(text) as Finding);
  }

  /** The earliest turn of any unit; Infinity for none. */
  turn(): number {
    const sql = 'SELECT min(turn) FROM units WHERE tenant = ? AND turn IS NOT NULL';
    return this.database.prepare<[string], number | null>(sql).pluck().get(this.tenant) ?? Infinity;
  }
}
