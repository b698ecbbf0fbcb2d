import { createHmac, createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { type NamingSecrets } from '#lifecycle';
import { type Clock, readIfThere, storing, syncDirectory, systemClock, writeDurably } from '#platform';
import { BadTenantName, NoSuchSecretVersion, SecretVersionsUsedUp, UnknownTenant, WrongSecrets } from './errors.js';
import { exclusively, type KeysHome } from './keys-home.js';

const SECRET_BYTES = 32;
const LAST_VERSION = 15;
const TENANT = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const FILE = /^(?<tenant>.+)\.v(?<version>\d{1,2})\.key$/;

const secret = z.base64url().refine((text) => Buffer.from(text, 'base64url').length === SECRET_BYTES);
const fileSchema = z.object({
  tenant: z.string(),
  version: z.int(),
  /** In ms; files of older releases have none. */
  madeAt: z.int().optional(),
  token: secret,
  person: secret,
});

/** What intake names with: the newest secrets, and the older ones that are still held, newest first. */
export interface TenantNaming {
  secrets: NamingSecrets;
  older: readonly NamingSecrets[];
}

/**
 * The token and person secrets of each tenant (MODEL §1.1), one file a version under `secrets/`, readable by the owner
 * alone. The home's meta keeps a fingerprint of each, so that a ledger is never written with other secrets than its own.
 */
export class NamingSecretStore {
  /** Tenant → its versions, newest first. */
  readonly #tenants = new Map<string, NamingSecrets[]>();

  private constructor(
    private readonly home: KeysHome,
    private readonly clock: Clock,
  ) {}

  /** @throws WrongSecrets if a secret that this ledger was written with is missing, replaced or unreadable. */
  static open(home: KeysHome, clock: Clock = systemClock): NamingSecretStore {
    const store = new NamingSecretStore(home, clock);
    store.refresh();
    return store;
  }

  /**
   * Reads what other processes made or retired since; cheap where nothing changed. Long-lived processes call it before
   * each input, or every few seconds.
   * @returns whether any tenant names with other secrets now
   * @throws WrongSecrets as `open`
   */
  refresh(): boolean {
    return exclusively(this.home, () => {
      const there = new Set(this.#files());
      let changed = false;
      for (const [tenant, versions] of this.#tenants) {
        const held = versions.filter(({ version }) => there.has(fileName(tenant, version)));
        if (held.length === versions.length) continue;
        changed = true;
        this.#tenants.set(tenant, held);
      }
      for (const name of there) {
        const { tenant = '', version = '' } = FILE.exec(name)?.groups ?? {};
        if (this.#holds(tenant, Number(version))) continue;
        this.#load(tenant, Number(version));
        changed = true;
      }
      for (const [tenant, versions] of Object.entries(this.home.meta.secrets ?? {})) {
        for (const version of Object.keys(versions)) {
          if (!this.#holds(tenant, Number(version)))
            throw new WrongSecrets(this.#fileOf(tenant, Number(version)), 'missing', `tenant ${tenant}`);
        }
      }
      return changed;
    });
  }

  /** Tenants that have secrets, sorted. */
  tenants(): string[] {
    return [...this.#tenants.keys()].sort();
  }

  /** The newest secrets of a tenant: new names are made with these. A writer makes them on first use. */
  current(tenant: string): NamingSecrets {
    const [newest] = this.#tenants.get(tenant) ?? [];
    if (newest) return newest;
    if (this.home.access === 'read') throw new UnknownTenant(tenant, this.tenants());
    return exclusively(this.home, () => {
      // Another process may have made them meanwhile.
      this.refresh();
      return this.#tenants.get(tenant)?.[0] ?? this.#make(tenant, 0);
    });
  }

  /** All versions of a tenant, newest first: a name that a person asks for may be of an old one. */
  versions(tenant: string): readonly NamingSecrets[] {
    this.current(tenant);
    return this.#tenants.get(tenant) ?? [];
  }

  /** What intake names with from now on; also what another process made since. */
  naming(tenant: string): TenantNaming {
    this.refresh();
    const [secrets = this.current(tenant), ...older] = this.versions(tenant);
    return { secrets, older };
  }

  /** Makes a new version and gives it back; old names are `renamed` as they are seen again (MODEL §1.5). */
  rotate(tenant: string): NamingSecrets {
    return exclusively(this.home, () => {
      this.refresh();
      const { version } = this.current(tenant);
      if (version >= LAST_VERSION) throw new SecretVersionsUsedUp(tenant);
      return this.#make(tenant, version + 1);
    });
  }

  /**
   * Forgets an old version for ever: what it named and was not renamed can no longer be told from something new.
   * Whether anything still needs it is the caller's to know.
   */
  retire(tenant: string, version: number): void {
    exclusively(this.home, () => {
      this.refresh();
      const { [version]: _gone, ...kept } = this.home.meta.secrets?.[tenant] ?? {};
      // The fingerprint first: after a crash in between, the file is just another one that is still held.
      this.home.updateMeta({ secrets: { ...this.home.meta.secrets, [tenant]: kept } });
      storing(this.#fileOf(tenant, version), () => {
        rmSync(this.#fileOf(tenant, version), { force: true });
        syncDirectory(this.home.file('secrets'));
      });
      const versions = this.#tenants.get(tenant) ?? [];
      this.#tenants.set(
        tenant,
        versions.filter((each) => each.version !== version),
      );
    });
  }

  /**
   * The token secret of one version, as gateways take it; never the person secret. Whoever holds it can compute the
   * name of every token and key that they can guess.
   */
  tokenSecret(tenant: string, version?: number): { tenant: string; version: number; token: string } {
    const found = this.versions(tenant).find((each) => version === undefined || each.version === version);
    if (found === undefined) throw new NoSuchSecretVersion(tenant, version ?? 0, this.versions(tenant));
    return { tenant, version: found.version, token: found.token.export().toString('base64url') };
  }

  #holds(tenant: string, version: number): boolean {
    return this.#tenants.get(tenant)?.some((known) => known.version === version) ?? false;
  }

  #files(): string[] {
    const folder = this.home.file('secrets');
    if (!existsSync(folder)) return [];
    return storing(folder, () => readdirSync(folder)).filter((name) => FILE.test(name));
  }

  #make(tenant: string, version: number): NamingSecrets {
    if (!TENANT.test(tenant)) throw new BadTenantName(tenant);
    const folder = this.home.file('secrets');
    if (!existsSync(folder)) {
      storing(folder, () => {
        mkdirSync(folder, { mode: 0o700 });
        syncDirectory(this.home.path);
      });
    }
    const text = () => randomBytes(SECRET_BYTES).toString('base64url');
    const content: z.infer<typeof fileSchema> = {
      tenant,
      version,
      madeAt: this.clock(),
      token: text(),
      person: text(),
    };
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
    const secrets: NamingSecrets = { version, token: key(parsed.data.token), person: key(parsed.data.person) };
    if (parsed.data.madeAt !== undefined) secrets.madeAt = parsed.data.madeAt;
    const noted = this.home.meta.secrets?.[tenant]?.[version];
    const fingerprint = fingerprintOf(secrets.token) + fingerprintOf(secrets.person);
    if (noted !== undefined && noted !== fingerprint) throw new WrongSecrets(file, 'replaced', `tenant ${tenant}`);
    // Unnoted: made just now, or its maker was killed before it could note it; nothing was named with it yet.
    if (noted === undefined && this.home.access === 'write') this.#note(tenant, version, fingerprint);
    const others = this.#tenants.get(tenant) ?? [];
    this.#tenants.set(
      tenant,
      [...others, secrets].sort((a, b) => b.version - a.version),
    );
    return secrets;
  }

  #note(tenant: string, version: number, fingerprint: string): void {
    const all = this.home.meta.secrets ?? {};
    this.home.updateMeta({ secrets: { ...all, [tenant]: { ...all[tenant], [version]: fingerprint } } });
  }

  #fileOf(tenant: string, version: number): string {
    return join(this.home.file('secrets'), fileName(tenant, version));
  }
}

function fileName(tenant: string, version: number): string {
  return `${tenant}.v${version}.key`;
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
