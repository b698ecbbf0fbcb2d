import { createHmac, createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { type NamingSecrets } from '#lifecycle';
import { type DataDirectory, readIfThere, storing, syncDirectory, writeDurably } from '#platform';
import { BadTenantName, SecretVersionsUsedUp, UnknownTenant, WrongSecrets } from './errors.js';

const SECRET_BYTES = 32;
const LAST_VERSION = 15;
const TENANT = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const FILE = /^(?<tenant>.+)\.v(?<version>\d{1,2})\.key$/;

const secret = z.base64url().refine((text) => Buffer.from(text, 'base64url').length === SECRET_BYTES);
const fileSchema = z.object({ tenant: z.string(), version: z.int(), token: secret, person: secret });

/**
 * The token and person secrets of each tenant (MODEL §1.1), one file a version under `secrets/`, readable by the owner
 * alone. meta.json keeps a fingerprint of each, so that a ledger is never written with other secrets than its own.
 */
export class NamingSecretStore {
  /** Tenant → its versions, newest first. */
  readonly #tenants = new Map<string, NamingSecrets[]>();

  private constructor(private readonly directory: DataDirectory) {}

  /** @throws WrongSecrets if a secret that this ledger was written with is missing, replaced or unreadable. */
  static open(directory: DataDirectory): NamingSecretStore {
    const store = new NamingSecretStore(directory);
    const folder = directory.file('secrets');
    for (const name of existsSync(folder) ? storing(folder, () => readdirSync(folder)) : []) {
      const match = FILE.exec(name)?.groups;
      if (match) store.#load(match.tenant ?? '', Number(match.version));
    }
    for (const [tenant, versions] of Object.entries(directory.meta.secrets ?? {})) {
      for (const version of Object.keys(versions)) {
        if (store.#tenants.get(tenant)?.some((known) => known.version === Number(version))) continue;
        throw new WrongSecrets(store.#fileOf(tenant, Number(version)), 'missing', `tenant ${tenant}`);
      }
    }
    return store;
  }

  /** Tenants that have secrets, sorted. */
  tenants(): string[] {
    return [...this.#tenants.keys()].sort();
  }

  /** The newest secrets of a tenant: new names are made with these. A writer makes them on first use. */
  current(tenant: string): NamingSecrets {
    const [newest] = this.#tenants.get(tenant) ?? [];
    if (newest) return newest;
    if (this.directory.access === 'read') throw new UnknownTenant(tenant, this.tenants());
    return this.#make(tenant, 0);
  }

  /** All versions of a tenant, newest first: a name that a person asks for may be of an old one. */
  versions(tenant: string): readonly NamingSecrets[] {
    this.current(tenant);
    return this.#tenants.get(tenant) ?? [];
  }

  /** Makes a new version and gives it back; old names must then be `renamed` (MODEL §1.5). */
  rotate(tenant: string): NamingSecrets {
    const { version } = this.current(tenant);
    if (version >= LAST_VERSION) throw new SecretVersionsUsedUp(tenant);
    return this.#make(tenant, version + 1);
  }

  #make(tenant: string, version: number): NamingSecrets {
    if (!TENANT.test(tenant)) throw new BadTenantName(tenant);
    const folder = this.directory.file('secrets');
    if (!existsSync(folder)) {
      storing(folder, () => {
        mkdirSync(folder, { mode: 0o700 });
        syncDirectory(this.directory.path);
      });
    }
    const text = () => randomBytes(SECRET_BYTES).toString('base64url');
    const content: z.infer<typeof fileSchema> = { tenant, version, token: text(), person: text() };
    writeDurably(this.#fileOf(tenant, version), `${JSON.stringify(content)}\n`);
    return this.#load(tenant, version);
  }

  /** Reads one file, and checks it against its fingerprint; a writer notes the fingerprint of a new one. */
  #load(tenant: string, version: number): NamingSecrets {
    const file = this.#fileOf(tenant, version);
    const parsed = fileSchema.safeParse(parseJson(readIfThere(file) ?? ''));
    if (!parsed.success || parsed.data.tenant !== tenant || parsed.data.version !== version) {
      throw new WrongSecrets(file, 'unreadable', `tenant ${tenant}`);
    }
    const key = (text: string) => createSecretKey(Buffer.from(text, 'base64url'));
    const secrets = { version, token: key(parsed.data.token), person: key(parsed.data.person) };
    const noted = this.directory.meta.secrets?.[tenant]?.[version];
    const fingerprint = fingerprintOf(secrets.token) + fingerprintOf(secrets.person);
    if (noted !== undefined && noted !== fingerprint) throw new WrongSecrets(file, 'replaced', `tenant ${tenant}`);
    // Unnoted: made just now, or its maker was killed before it could note it; nothing was named with it yet.
    if (noted === undefined && this.directory.access === 'write') this.#note(tenant, version, fingerprint);
    const others = this.#tenants.get(tenant) ?? [];
    this.#tenants.set(
      tenant,
      [...others, secrets].sort((a, b) => b.version - a.version),
    );
    return secrets;
  }

  #note(tenant: string, version: number, fingerprint: string): void {
    const all = this.directory.meta.secrets ?? {};
    this.directory.updateMeta({ secrets: { ...all, [tenant]: { ...all[tenant], [version]: fingerprint } } });
  }

  #fileOf(tenant: string, version: number): string {
    return join(this.directory.file('secrets'), `${tenant}.v${version}.key`);
  }
}

/** Tells two secrets apart and nothing about them: 128 bits of an HMAC under the secret itself. */
function fingerprintOf(key: KeyObject): string {
  return createHmac('sha256', key).update('tallystick naming secret').digest('hex').slice(0, 32);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
