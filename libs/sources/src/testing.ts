import { readFileSync } from 'node:fs';
import {
  fullType,
  nameOf,
  nameOfTokenDigest,
  namingSecrets,
  OBSERVATIONS,
  profileOf,
  settingsSchema,
  type ObservationType,
  type SettingsInput,
  type SourceProfile,
} from '#lifecycle';
import type { Draft, FoundCredential, JsonObject, ReadContext, Reading } from './adapter.js';

/** For specs: contexts with names that can be read (`jti(issuer, at-1)`) or real ones, and the case inputs. */

const SECRETS = namingSecrets(1, Buffer.alloc(32, 1), Buffer.alloc(32, 2));
const TEST_SETTINGS: SettingsInput = {
  sources: {
    keycloak: {
      format: 'keycloak',
      issuers: { shop: 'https://idp.example.com/realms/shop' },
      refreshTokens: 'revoke',
    },
    okta: { format: 'okta', issuers: { org: 'https://org.example.com/oauth2/default' } },
  },
};

export function profileFor(name: string, changes: Partial<SourceProfile> = {}): SourceProfile {
  const profile = profileOf(settingsSchema.parse(TEST_SETTINGS), name);
  if (!profile) throw new Error(`no profile for ${name}`);
  return { ...profile, ...changes };
}

export function readableContext(profile: SourceProfile, credentials: FoundCredential[] = []): ReadContext {
  const name: ReadContext['name'] = (kind, ...parts) => `${kind}(${parts.join(', ')})`;
  return { profile, name, nameOfDigest: (sha256) => `tok(${sha256.toLowerCase()})`, credentials };
}

export function keyedContext(profile: SourceProfile, credentials: FoundCredential[] = []): ReadContext {
  return {
    profile,
    name: (kind, ...parts) => nameOf(SECRETS, kind, ...parts),
    nameOfDigest: (sha256) => nameOfTokenDigest(SECRETS, sha256),
    credentials,
  };
}

export function draftsOf(reading: Reading): Draft[] {
  if (reading.kind !== 'facts') throw new Error(`read as ${JSON.stringify(reading)}`);
  return reading.drafts;
}

/** The path of the first field at fault of each draft that its type's schema refuses. */
export function schemaFaults(drafts: Draft[]): string[] {
  return drafts.flatMap(({ type, data }) => {
    const schema = OBSERVATIONS[type as ObservationType];
    const result = schema.safeParse(data);
    return result.success
      ? []
      : result.error.issues.map((issue) => `${fullType(type)}: ${issue.path.join('.')} ${issue.message}`);
  });
}

export function caseRecords(file: string): JsonObject[] {
  return readFileSync(new URL(`../cases/${file}`, import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as JsonObject);
}
