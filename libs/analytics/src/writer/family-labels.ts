import { kindOfName, type Name } from '#lifecycle';
import { RecentMap } from '#platform';
import type { AnalyticsEngine } from '../engine.js';
import type { FamilyEdges } from './batch.js';
import { NO_NAME, tsvText } from './tsv.js';

export const LABEL_COLUMNS = ['tenant', 'member', 'position', 'label'] as const;

/**
 * The family of each name (MODEL §1.6, §9.2): connected by grants and rotation edges, labelled by its smallest grant
 * name, else its smallest member. Only the families that a batch touches are in memory; the rest lies in
 * `family_labels`.
 */
export class FamilyLabels {
  /** Labels of names asked for lately; `undefined` is not kept: a name without a family is asked for again. */
  private readonly recent = new RecentMap<string, Name>(200_000);

  constructor(private readonly engine: AnalyticsEngine) {}

  /**
   * The rows that a batch adds: (tenant, member, position, label), each time a member's label changes.
   * @param before the batch's first position: the labels of all earlier batches count.
   * @param written resolves when those are in the table.
   */
  async rowsOf(edges: readonly FamilyEdges[], before: number, written: Promise<unknown>): Promise<string> {
    const byTenant = new Map<string, FamilyEdges[]>();
    for (const edge of edges) {
      const list = byTenant.get(edge.tenant);
      if (list === undefined) byTenant.set(edge.tenant, [edge]);
      else list.push(edge);
    }
    let out = '';
    for (const [tenant, list] of byTenant) out += await this.rowsOfTenant(tenant, list, before, written);
    return out;
  }

  /**
   * The rows by which the labels of a tenant become those of other edges, all at one position: after a change of
   * authority, edges may count that did not, and the other way round. A name without a family gets no name as label.
   * @param edges every edge up to the position that counts now.
   * @param own rows of the batch itself, as `rowsOf` gave them.
   */
  async relabel(
    tenant: string,
    edges: Iterable<FamilyEdges>,
    before: number,
    own: string,
    at: number,
  ): Promise<string> {
    const union = new LabelUnion();
    for (const { token, others } of edges) union.join(token, others);
    const today = new Map(await this.read(tenant, 'all', [], before));
    for (const line of own.split('\n')) {
      const [of, member, , label] = line.split('\t');
      if (of === tsvText(tenant)) today.set(member!, label!);
    }
    const rows: string[] = [];
    const put = (member: Name, label: Name): number => rows.push(`${tsvText(tenant)}\t${member}\t${at}\t${label}\n`);
    for (const [member, label] of union) if (today.get(member) !== label) put(member, label);
    for (const [member, label] of today)
      if (label !== NO_NAME && union.labelOf(member) === undefined) put(member, NO_NAME);
    this.forget();
    return rows.join('');
  }

  /** Forgets what it remembers: a batch failed, or the labels were made anew. */
  forget(): void {
    this.recent.clear();
  }

  private async rowsOfTenant(
    tenant: string,
    edges: readonly FamilyEdges[],
    before: number,
    written: Promise<unknown>,
  ): Promise<string> {
    const union = new LabelUnion();
    const labels = await this.labelsOf(tenant, namesOf(edges), before);
    // Two families that become one: every member of the one whose label falls is told.
    const merged = mergedLabels(edges, labels);
    if (merged.size > 0) {
      await written;
      for (const [member, label] of await this.membersOf(tenant, merged, before)) union.seed(member, label);
    }
    for (const [member, label] of labels) union.seed(member, label);
    const rows: string[] = [];
    for (const { position, token, others } of edges) {
      for (const [member, label] of union.join(token, others)) {
        rows.push(`${tsvText(tenant)}\t${member}\t${position}\t${label}\n`);
        this.recent.set(`${tenant} ${member}`, label);
      }
    }
    return rows.join('');
  }

  private async labelsOf(tenant: string, names: ReadonlySet<Name>, before: number): Promise<Map<Name, Name>> {
    const out = new Map<Name, Name>();
    const unknown: Name[] = [];
    for (const name of names) {
      const label = this.recent.get(`${tenant} ${name}`);
      if (label === undefined) unknown.push(name);
      else out.set(name, label);
    }
    for (const [member, label] of await this.read(tenant, 'member', unknown, before)) {
      if (label === NO_NAME) continue;
      out.set(member, label);
      this.recent.set(`${tenant} ${member}`, label);
    }
    return out;
  }

  private async membersOf(tenant: string, labels: ReadonlySet<Name>, before: number): Promise<[Name, Name][]> {
    const candidates = await this.read(tenant, 'label', [...labels], before);
    // A member that had one of these labels once may have another today.
    const today = await this.read(
      tenant,
      'member',
      candidates.map(([member]) => member),
      before,
    );
    return today.filter(([, label]) => labels.has(label));
  }

  private async read(
    tenant: string,
    by: 'member' | 'label' | 'all',
    names: readonly Name[],
    before: number,
  ): Promise<[Name, Name][]> {
    if (before <= 1 || (by !== 'all' && names.length === 0)) return [];
    const rows = await this.engine.text(
      `SELECT replaceAll(toString(member), '-', ''), replaceAll(toString(argMax(label, position)), '-', '')
       FROM {db}.family_labels
       WHERE tenant = {tenant:String} AND position < {before:UInt64}
         ${by === 'all' ? '' : `AND ${by} IN {names:Array(UUID)}`}
       GROUP BY member`,
      'TabSeparated',
      { tenant, before, names },
    );
    return rows
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split('\t') as [Name, Name]);
  }
}

function namesOf(edges: readonly FamilyEdges[]): Set<Name> {
  const out = new Set<Name>();
  for (const { token, others } of edges) {
    out.add(token);
    for (const other of others) out.add(other);
  }
  return out;
}

/** Labels of families that an edge joins to another one. */
function mergedLabels(edges: readonly FamilyEdges[], labels: ReadonlyMap<Name, Name>): Set<Name> {
  const union = new LabelUnion();
  const out = new Set<Name>();
  for (const [member, label] of labels) union.join(member, [label]);
  for (const { token, others } of edges) {
    const before = [token, ...others].map((name) => union.labelOf(name)).filter((label) => label !== undefined);
    const changed = union.join(token, others);
    const after = union.labelOf(token);
    if (changed.length > 0) for (const label of before) if (label !== after) out.add(label);
  }
  return out;
}

/** A union-find that tells whose label changes. The smallest label wins, a grant's name before any other. */
export class LabelUnion {
  private readonly families = new Map<Name, Set<Name>>();
  private readonly labels = new Map<Name, Name>();

  /** A member as it is known already. */
  seed(member: Name, label: Name): void {
    this.put(member, label);
  }

  [Symbol.iterator](): Iterator<[Name, Name]> {
    return this.labels.entries();
  }

  labelOf(member: Name): Name | undefined {
    return this.labels.get(member);
  }

  /** @returns the members whose label is new or another than before. */
  join(token: Name, others: readonly Name[]): [Name, Name][] {
    const members = [token, ...others];
    const known = new Set(members.map((name) => this.labels.get(name)));
    known.delete(undefined);
    let label: Name | undefined;
    for (const candidate of [...members, ...known] as Name[])
      if (label === undefined || isSmaller(candidate, label)) label = candidate;
    const changed: [Name, Name][] = [];
    const move = (member: Name): void => {
      if (this.labels.get(member) === label) return;
      this.put(member, label!);
      changed.push([member, label!]);
    };
    for (const old of known as Set<Name>)
      if (old !== label) for (const member of [...this.families.get(old)!]) move(member);
    for (const member of members) move(member);
    return changed;
  }

  private put(member: Name, label: Name): void {
    const old = this.labels.get(member);
    if (old === label) return;
    if (old !== undefined) this.families.get(old)!.delete(member);
    this.labels.set(member, label);
    const family = this.families.get(label);
    if (family === undefined) this.families.set(label, new Set([member]));
    else family.add(member);
  }
}

/** Grants first, then by the digits. */
function isSmaller(a: Name, b: Name): boolean {
  const [x, y] = [kindOfName(a) === 'fam', kindOfName(b) === 'fam'];
  return x === y ? a < b : x;
}
