import type { Name, Names, SourceProfile } from '#lifecycle';

export interface AliasPair {
  pair: 'jti-tok' | 'cred-tok';
  /** The canonical name first (MODEL §1.4). */
  names: [Name, Name];
}

/**
 * The two names that a fact proves to be one token (MODEL §1.4): jti and tok on verified claims; cred and tok where
 * the credential is the token itself, an API key that the gateway verified. Nothing else ever joins.
 */
export function aliasOf(names: Names, data: Record<string, unknown>, profile: SourceProfile): AliasPair | undefined {
  if (names.tok === undefined || data['anonymous'] === true) return undefined;
  if (names.jti !== undefined && data['verified'] === true) return { pair: 'jti-tok', names: [names.jti, names.tok] };
  const refused = data['class'] !== undefined;
  const isToken = profile.credentialIsToken || data['kind'] === 'apiKey';
  return names.cred !== undefined && isToken && !refused
    ? { pair: 'cred-tok', names: [names.cred, names.tok] }
    : undefined;
}
