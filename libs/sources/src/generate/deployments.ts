import type { JsonObject } from '../adapter.js';
import { CONTRACTS, JWT_GATEWAYS } from './cast.js';
import { cdEvent, cloudEvent } from './issuer-lines.js';
import type { Stage } from './stage.js';

const MINUTE = 60_000;

/**
 * v41 serves every gateway from an hour before the start; v42 replaces it gateway by gateway, and is bad: it no longer
 * knows the key that signs the scanners' day tokens. A second component, deployed by CDEvents, is nobody's concern.
 */
export function deploy(stage: Stage): void {
  const { start, switchAt } = stage.options;
  if (switchAt === undefined) return;
  const say = (id: string, type: string, at: number, data: JsonObject) =>
    stage.say(at, 'deploys', cloudEvent(id, '/deploys', type, at, data));
  const before = start - 60 * MINUTE;
  const component = 'gateway';
  if (stage.has('cloudevents')) {
    for (const version of ['v41', 'v42'] as const) {
      const contract = CONTRACTS[version] as JsonObject;
      say(`declare-${version}`, 'deployment.declared', before, { component, version, contract });
    }
    say('activate-v41', 'deployment.activated', before, { component, version: 'v41', weight: 1 });
    for (const { id, switchesAfter } of JWT_GATEWAYS) {
      const at = switchAt + (switchesAfter ?? 0) * MINUTE;
      say(`activate-v42-${id}`, 'deployment.activated', at, { component, version: 'v42', gateway: id, weight: 1 });
      stage.truth.versions.push({ component, version: 'v41', gateway: id, on: before, off: at });
      stage.truth.versions.push({ component, version: 'v42', gateway: id, on: at });
    }
  }
  if (stage.has('cdevents')) {
    stage.say(before, 'cdevents', cdEvent('cd-1', 'deployed', before, 'checkout', 'eu', 'v7'));
    stage.say(start + MINUTE, 'cdevents', cdEvent('cd-2', 'upgraded', start + MINUTE, 'checkout', 'eu', 'v8'));
    stage.sayContext(
      start + 2 * MINUTE,
      'cdevents',
      cdEvent('cd-3', 'published', start + 2 * MINUTE, 'checkout', 'eu', 'v8'),
    );
    stage.truth.versions.push({ component: 'checkout', version: 'v7', on: before, off: start + MINUTE });
    stage.truth.versions.push({ component: 'checkout', version: 'v8', on: start + MINUTE });
  }
}
