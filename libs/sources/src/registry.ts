import type { Format } from '#lifecycle';
import type { Adapter } from './adapter.js';
import { apigee } from './apigee.js';
import { apisix } from './apisix.js';
import { cdevents } from './cdevents.js';
import { cloudevents } from './cloudevents.js';
import { envoy } from './envoy.js';
import { keycloak } from './keycloak.js';
import { kong } from './kong.js';
import { okta } from './okta.js';
import { tyk } from './tyk.js';

/** The shipped adapters; their order is the order in which `detectFormat` asks. */
export const ADAPTERS: Readonly<Record<Format, Adapter>> = {
  kong,
  apisix,
  envoy,
  tyk,
  apigee,
  keycloak,
  okta,
  cloudevents,
  cdevents,
};
