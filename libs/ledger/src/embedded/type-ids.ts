import type Database from 'better-sqlite3';
import { RecentMap } from '#platform';

const CAPACITY = 4096;

/** Event types as small integers, both ways. */
export class TypeIds {
  #ids = new RecentMap<string, number>(CAPACITY);
  #names = new RecentMap<number, string>(CAPACITY);
  /** The type asked for last: events of one batch are mostly of one. */
  #last: { name: string; id: number } | undefined;
  readonly #findId: Database.Statement<[string], number>;
  readonly #findName: Database.Statement<[number], string>;

  constructor(private readonly database: Database.Database) {
    this.#findId = database.prepare<[string], number>('SELECT id FROM types WHERE name = ?').pluck();
    this.#findName = database.prepare<[number], string>('SELECT name FROM types WHERE id = ?').pluck();
  }

  /** The id of a type; undefined if it is new. */
  idOf(name: string): number | undefined {
    if (name === this.#last?.name) return this.#last.id;
    const id = this.#ids.get(name) ?? this.#findId.get(name);
    if (id === undefined) return undefined;
    this.#ids.set(name, id);
    this.#last = { name, id };
    return id;
  }

  /** Inside a transaction. */
  make(name: string): number {
    const id = Number(this.database.prepare('INSERT INTO types (name) VALUES (?)').run(name).lastInsertRowid);
    this.#ids.set(name, id);
    return id;
  }

  nameOf(id: number): string {
    const known = this.#names.get(id);
    if (known !== undefined) return known;
    const name = this.#findName.get(id) ?? '';
    this.#names.set(id, name);
    return name;
  }

  forget(): void {
    this.#last = undefined;
    this.#ids.clear();
    this.#names.clear();
  }
}
