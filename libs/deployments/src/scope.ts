/** Where a version serves, or a fact was seen. A field left out means all of them (deployment) or not shown (fact). */
export interface Scope {
  gateway?: string;
  region?: string;
  cohort?: string;
}

const FIELDS = ['gateway', 'region', 'cohort'] as const;

/** Whether all of `inner` certainly lies in `outer`: each field that `outer` states, `inner` states alike. */
export function covers(outer: Scope, inner: Scope): boolean {
  return FIELDS.every((field) => outer[field] === undefined || outer[field] === inner[field]);
}

/** Whether the two may have something in common: no field that both state differs. */
export function mayTouch(a: Scope, b: Scope): boolean {
  return FIELDS.every((field) => a[field] === undefined || b[field] === undefined || a[field] === b[field]);
}

export function sameScope(a: Scope, b: Scope): boolean {
  return FIELDS.every((field) => a[field] === b[field]);
}

/** A scope with the stated fields alone, so that equal scopes are equal objects. */
export function scopeOf(fields: { [K in keyof Scope]: Scope[K] | undefined }): Scope {
  const scope: Scope = {};
  for (const field of FIELDS) {
    const value = fields[field];
    if (value !== undefined) scope[field] = value;
  }
  return scope;
}

/** `gateway gw-a, region eu`, or `everywhere`. */
export function describeScope(scope: Scope): string {
  const parts = FIELDS.filter((field) => scope[field] !== undefined).map((field) => `${field} ${scope[field]}`);
  return parts.join(', ') || 'everywhere';
}
