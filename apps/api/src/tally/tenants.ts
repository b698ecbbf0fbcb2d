import { LedgerHistory } from '#ledger';
import { UnknownTenant } from '#security';
import type { QuestionName } from './questions.js';
import type { Stores } from './stores.js';

/** What may be the first that is heard of a tenant. */
const FIRST_WORDS: ReadonlySet<QuestionName> = new Set<QuestionName>([
  'settings.check',
  'settings.declare',
  'deployment.list',
  'deployment.show',
  'deployment.matrix',
  'deployment.declare',
  'deployment.activate',
  'deployment.deactivate',
]);

/**
 * An empty answer about a mistyped tenant would read as good news. `default` is always there; another one is known
 * once something was taken in for it, or settings or deployments were declared.
 * @throws UnknownTenant
 */
export async function checkTenant(question: QuestionName, tenant: string, stores: Stores): Promise<void> {
  const known = stores.secrets.tenants();
  if (tenant === 'default' || FIRST_WORDS.has(question) || known.includes(tenant)) return;
  const history = new LedgerHistory(stores.scan, tenant, await stores.ledger.head());
  for (const _fact of history.worldFacts()) return;
  throw new UnknownTenant(tenant, known);
}
