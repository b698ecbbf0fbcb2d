/** What a projector does; each role can run in a process of its own. */
export const ROLES = ['intake', 'analytics', 'findings'] as const;
export type Role = (typeof ROLES)[number];

export function isRole(text: string): text is Role {
  return (ROLES as readonly string[]).includes(text);
}

/**
 * Reads a list such as `intake,findings`; `none` is the empty one.
 * @returns the roles, or the word that is none
 */
export function rolesOf(text: string): ReadonlySet<Role> | { unknown: string } {
  const words = text === 'none' ? [] : text.split(',').map((word) => word.trim());
  const unknown = words.find((word) => !isRole(word));
  return unknown === undefined ? new Set(words.filter(isRole)) : { unknown };
}
