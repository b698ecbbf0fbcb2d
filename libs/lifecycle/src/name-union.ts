import { kindOfName, type Name } from './names.js';

/** Union-find over names, dense: a name is a number, parents and labels are arrays. */
export class NameUnion {
  private readonly ids = new Map<Name, number>();
  private readonly names: Name[] = [];
  private parents: number[] = [];
  /** Smallest label of a root's component so far. */
  private labels: Name[] = [];
  /** The stated edges, as pairs of numbers: what `forgetDerived` starts again from. */
  private readonly stated: number[] = [];
  private hasDerived = false;
  private byRoot: Map<number, Name[]> | undefined;

  has(name: Name): boolean {
    return this.ids.has(name);
  }

  /** A stated edge: it holds for ever. */
  union(a: Name, b: Name): void {
    const [idA, idB] = [this.idOf(a), this.idOf(b)];
    if (this.join(idA, idB) || this.hasDerived) this.stated.push(idA, idB);
  }

  /** A derived edge: it holds until `forgetDerived`. */
  derive(a: Name, b: Name): void {
    this.hasDerived = true;
    this.join(this.idOf(a), this.idOf(b));
  }

  forgetDerived(): void {
    if (!this.hasDerived) return;
    this.hasDerived = false;
    this.byRoot = undefined;
    this.parents = this.names.map((_name, id) => id);
    this.labels = this.names.slice();
    for (let i = 0; i < this.stated.length; i += 2) this.join(this.stated[i]!, this.stated[i + 1]!);
  }

  label(name: Name): Name | undefined {
    const id = this.ids.get(name);
    return id === undefined ? undefined : this.labels[this.root(id)];
  }

  /** Every name of a component, given by any of them. */
  members(name: Name): readonly Name[] {
    const id = this.ids.get(name);
    if (id === undefined) return [];
    if (this.byRoot === undefined) {
      this.byRoot = new Map();
      for (let i = 0; i < this.names.length; i++) {
        const root = this.root(i);
        const list = this.byRoot.get(root);
        if (list === undefined) this.byRoot.set(root, [this.names[i]!]);
        else list.push(this.names[i]!);
      }
    }
    return this.byRoot.get(this.root(id)) ?? [];
  }

  private join(a: number, b: number): boolean {
    const [rootA, rootB] = [this.root(a), this.root(b)];
    if (rootA === rootB) return false;
    this.byRoot = undefined;
    this.parents[rootB] = rootA;
    this.labels[rootA] = betterLabel(this.labels[rootA]!, this.labels[rootB]!);
    return true;
  }

  private idOf(name: Name): number {
    let id = this.ids.get(name);
    if (id === undefined) {
      id = this.names.length;
      this.ids.set(name, id);
      this.names.push(name);
      this.parents.push(id);
      this.labels.push(name);
      this.byRoot = undefined;
    }
    return id;
  }

  private root(id: number): number {
    let at = id;
    while (this.parents[at] !== at) {
      this.parents[at] = this.parents[this.parents[at]!]!;
      at = this.parents[at]!;
    }
    return at;
  }
}

/** A fam name goes before any member; within a kind the smallest. */
function betterLabel(a: Name, b: Name): Name {
  const aFam = kindOfName(a) === 'fam';
  const bFam = kindOfName(b) === 'fam';
  if (aFam !== bFam) return aFam ? a : b;
  return a < b ? a : b;
}
