import type { Traffic } from './traffic.js';
import { generateTraffic } from './traffic.js';

/**
 * The bundled sample: 2026-03-10, 09:00 to 11:00 UTC, a few thousand lines of five systems and the deployments beside
 * them. At 10:00 version v42 of the component `gateway` replaces v41, gateway by gateway. It no longer knows the key
 * `k-2025-11` that signs the warehouse scanners' day tokens, and refuses them until somebody rolls back.
 */
export function demoTraffic(): Traffic {
  return generateTraffic({
    seed: 'a bad deployment',
    sessions: 320,
    minutes: 120,
    formats: ['keycloak', 'okta', 'kong', 'envoy', 'tyk', 'cloudevents'],
    idTokens: false,
  });
}
