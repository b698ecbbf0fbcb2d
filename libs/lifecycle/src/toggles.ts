/** A statement that can be taken back: suspensions (MODEL §5.3) and legal holds. */
export interface Toggle {
  at: number;
  /** `on` restricts: it suspends, or places a hold. */
  op: 'on' | 'off';
}
/** Every statement, per cause. */
export type Toggles = Map<string, Map<string, Toggle>>;

export function addToggle(into: Toggles, cause: string, at: number, op: Toggle['op']): void {
  let toggles = into.get(cause);
  if (toggles === undefined) into.set(cause, (toggles = new Map()));
  toggles.set(`${at} ${op}`, { at, op });
}

export function mergeToggles(into: Toggles, from: Toggles): void {
  for (const [cause, toggles] of from) for (const { at, op } of toggles.values()) addToggle(into, cause, at, op);
}

/** The causes that hold at T: for each, the latest statement at or before T is `on`; so is a tie. Sorted. */
export function causesAt(toggles: Toggles, T: number): string[] {
  const out: string[] = [];
  for (const [cause, statements] of toggles) {
    let latest = -Infinity;
    let holds = false;
    for (const { at, op } of statements.values()) {
      if (at > T || at < latest) continue;
      holds = op === 'on' || (at === latest && holds);
      latest = at;
    }
    if (holds) out.push(cause);
  }
  return out.sort();
}

/** Whether anything was stated at or before T. */
export function isStatedBy(toggles: Toggles, T: number): boolean {
  for (const statements of toggles.values()) for (const { at } of statements.values()) if (at <= T) return true;
  return false;
}
