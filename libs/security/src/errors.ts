import { TallyError } from '#platform';

/** The naming secrets or subject keys beside a ledger are not those it was written with. Names would not match. */
export class WrongSecrets extends TallyError {
  readonly code = 'TALLY_WRONG_SECRETS';
  constructor(file: string, why: 'missing' | 'replaced' | 'unreadable', whose: string) {
    const what = { missing: 'is missing', replaced: 'is not the one of this ledger', unreadable: 'cannot be read' }[
      why
    ];
    super(`The secret file ${file} (${whose}) ${what}.`, {
      facts: { file, why, whose },
      remedy:
        'Put back the file that belongs to this ledger, from a backup of the data directory; nothing was changed. ' +
        'Without it new facts would get other names than old ones.',
    });
  }
}

export class UnknownTenant extends TallyError {
  readonly code = 'TALLY_UNKNOWN_TENANT';
  constructor(tenant: string, known: readonly string[]) {
    super(`This ledger has no tenant ${JSON.stringify(tenant)}.`, {
      facts: { tenant, known: known.join(', ') },
      remedy: known.length > 0 ? `Name one of: ${known.join(', ')}.` : 'Ingest something for this tenant first.',
    });
  }
}

export class BadTenantName extends TallyError {
  readonly code = 'TALLY_BAD_TENANT_NAME';
  constructor(tenant: string) {
    super(`${JSON.stringify(tenant)} cannot name a tenant.`, {
      facts: { tenant },
      remedy: 'Use 1 to 64 letters, digits, dots, underscores and hyphens, beginning with a letter or digit.',
    });
  }
}

export class SecretVersionsUsedUp extends TallyError {
  readonly code = 'TALLY_SECRET_VERSIONS_USED_UP';
  constructor(tenant: string) {
    super(`Tenant ${tenant} has used all 16 versions of its naming secrets.`, {
      facts: { tenant },
      remedy: 'A name holds four bits of version (MODEL §1.1): move the tenant to a new ledger.',
    });
  }
}

export class NoSuchSecretVersion extends TallyError {
  readonly code = 'TALLY_NO_SUCH_SECRET_VERSION';
  constructor(tenant: string, version: number, held: readonly { version: number }[]) {
    const known = held.map((each) => each.version).join(', ');
    super(`Tenant ${tenant} holds no naming secrets of version ${version}.`, {
      facts: { tenant, version, held: known },
      remedy: `Name one that is held: ${known}.`,
    });
  }
}

/** A data directory is used with other keys than before. */
export class KeysElsewhere extends TallyError {
  readonly code = 'TALLY_KEYS_ELSEWHERE';
  constructor(path: string, where: 'inside' | 'outside') {
    super(
      where === 'inside'
        ? `The data directory ${path} has naming secrets and keys of its own.`
        : `The naming secrets and keys of the data directory ${path} lie in a directory of their own.`,
      {
        facts: { path, where },
        remedy:
          where === 'inside'
            ? 'Leave --keys out; a shared directory of keys is chosen when a data directory is new. Nothing was changed.'
            : 'Name that directory with --keys (or TALLY_KEYS); nothing was changed.',
      },
    );
  }
}

/** Keys were destroyed, but old copies of them may still lie in the write-ahead log. */
export class ErasureUnfinished extends TallyError {
  readonly code = 'TALLY_ERASURE_UNFINISHED';
  constructor(file: string) {
    super(`The log of ${file} could not be emptied, because something else is reading the file.`, {
      facts: { file },
      retry: true,
      remedy: 'Stop what reads the file and repeat the erasure: it is remembered, and repeating it is safe.',
    });
  }
}
