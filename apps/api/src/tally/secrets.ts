import { NoSuchSecretVersion } from '#security';
import { SecretsNeeded } from './errors.js';
import type { Frames } from './frames.js';
import type { Answer, ReadParams } from './questions.js';
import { needsOf } from './secret-need.js';
import type { Stores } from './stores.js';
import { shown } from './when.js';

/** The versions of a tenant's naming secrets that are held; never a secret. */
export function listSecrets({ tenant }: ReadParams<'secrets.list'>, stores: Stores): Answer {
  stores.secrets.refresh();
  const rows = stores.secrets.versions(tenant).map(({ version, madeAt }, i) => ({
    version,
    madeAt: shown(madeAt),
    use: i === 0 ? 'names what comes in' : 'recognises what was named before',
  }));
  return { kind: 'rows', rows, keyOf: (row) => String(row['version']), pinned: {} };
}

/** New secrets for a tenant. From the next input on everything is named with them, and old names are renamed as they are seen. */
export function rotateSecrets({ tenant }: ReadParams<'secrets.rotate'>, stores: Stores): Answer {
  const { version, madeAt } = stores.secrets.rotate(tenant);
  const held = stores.secrets.versions(tenant).map((each) => each.version);
  return {
    kind: 'value',
    value: {
      tenant,
      version,
      madeAt: shown(madeAt),
      held,
      notes: [
        `gateways that name tokens themselves need the new token secret now: tally secrets export --tenant ${tenant}`,
        'inputs that are being taken in finish under the secrets with which they began',
      ],
    },
  };
}

/** Forgets a version that nothing needs any more. @throws SecretsNeeded with the reasons, NoSuchSecretVersion */
export async function retireSecrets(
  { tenant, version }: ReadParams<'secrets.retire'>,
  stores: Stores,
  frames: Frames,
): Promise<Answer> {
  stores.secrets.refresh();
  const held = stores.secrets.versions(tenant);
  if (!held.some((each) => each.version === version)) throw new NoSuchSecretVersion(tenant, version, held);
  if (held[0]?.version === version) throw new SecretsNeeded(tenant, version, [{ reason: 'it names what comes in' }]);
  const frame = await frames.frame({ tenant });
  const needs = await needsOf(version, frame, stores.keys.erasedSubjects(tenant));
  if (needs.length > 0) throw new SecretsNeeded(tenant, version, needs);
  stores.secrets.retire(tenant, version);
  return {
    kind: 'value',
    value: {
      tenant,
      retired: version,
      held: stores.secrets.versions(tenant).map((each) => each.version),
      notes: ['records from before its rotation that are fed again from now on count as conflicts or anew'],
    },
  };
}
