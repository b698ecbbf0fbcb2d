import { describe, expect, it } from '@jest/globals';
import type { JsonObject } from './adapter.js';
import { cdevents } from './cdevents.js';
import { draftsOf, profileFor, readableContext, schemaFaults } from './testing.js';

const T0 = 1773133200000;
const context = readableContext(profileFor('cdevents'));

function event(predicate: string, content: JsonObject = {}, fields: JsonObject = {}): JsonObject {
  return {
    context: {
      version: '0.4.1',
      id: 'e-1',
      source: '/ci',
      type: `dev.cdevents.${predicate}.0.2.0`,
      timestamp: '2026-03-10T09:00:00Z',
      ...fields,
    },
    subject: { id: 'service/gateway', type: 'service', content: { environment: { id: 'eu' }, ...content } },
  };
}
const artifactId = 'pkg:oci/gateway@sha256%3A0b31?repository_url=r.example.com&tag=v42';
const read = (record: JsonObject, using = context) => cdevents.read(record, using);
const facts = (record: JsonObject, using = context) => draftsOf(read(record, using));

describe('CDEvents', () => {
  it.each(['service.deployed', 'service.upgraded'])('%s activates the version of its artifact', (type) => {
    expect(facts(event(type, { artifactId }))).toEqual([
      {
        type: 'deployment.activated',
        time: T0,
        subject: 'gateway',
        names: {},
        data: { component: 'gateway', version: 'v42', region: 'eu', artifact: artifactId },
      },
    ]);
  });

  it('a rollback activates the version that is back, and names the failed one where the profile tells its place', () => {
    expect(facts(event('service.rolledback', { artifactId }))).toMatchObject([
      { type: 'deployment.activated', data: { version: 'v42', rollback: true } },
    ]);
    const knows = readableContext(profileFor('cdevents', { fields: { from: 'customData.failed' } }));
    expect(
      facts({ ...event('service.rolledback', { artifactId }), customData: { failed: 'v43' } }, knows),
    ).toMatchObject([
      { type: 'deployment.rolledback', data: { from: 'v43', to: 'v42', region: 'eu' } },
      { type: 'deployment.activated', data: { version: 'v42' } },
    ]);
  });

  it('a removal ends the named version, else whatever is active there', () => {
    expect(facts(event('service.removed', { artifactId }))[0]).toMatchObject({
      type: 'deployment.deactivated',
      data: { version: 'v42' },
    });
    expect(facts(event('service.removed'))[0]!.data).toEqual({ component: 'gateway', version: '*', region: 'eu' });
  });

  it.each(['service.published', 'environment.created', 'artifact.published', 'pipelineRun.finished'])(
    '%s is context',
    (type) => {
      expect(read(event(type)).kind).toBe('ignored');
    },
  );

  it.each([
    ['pkg:oci/gateway@sha256%3A0b31', 'sha256:0b31'],
    ['pkg:golang/example.com/org/gateway@v1.4.2', 'v1.4.2'],
    ['pkg:npm/%40org/gateway@1.2.3?arch=x#sub', '1.2.3'],
    ['927aa808433d', '927aa808433d'],
    [artifactId, 'v42'],
  ])('the version of %s is %s', (artifact, version) => {
    expect(facts(event('service.deployed', { artifactId: artifact }))[0]!.data['version']).toBe(version);
  });

  it.each([
    ['eu', { region: 'eu' }],
    ['region-us', { region: 'us' }],
    ['gw-edge-1', { gateway: 'edge-1' }],
  ])('the environment %s is a scope', (id, scope) => {
    const data = facts(event('service.deployed', { artifactId, environment: { id } }))[0]!.data;
    expect(data).toMatchObject(scope);
    expect(Object.keys(data).sort()).toEqual(['artifact', 'component', 'version', ...Object.keys(scope)].sort());
  });

  it('the component is the profile’s, else the service’s', () => {
    const stated = readableContext(profileFor('cdevents', { component: 'edge' }));
    expect(facts(event('service.deployed', { artifactId }), stated)[0]).toMatchObject({
      subject: 'edge',
      data: { component: 'edge' },
    });
    const placed = readableContext(
      profileFor('cdevents', { fields: { component: 'subject.content.name', version: 'subject.content.v' } }),
    );
    expect(facts(event('service.deployed', { name: 'n', v: '7' }), placed)[0]!.data).toMatchObject({
      component: 'n',
      version: '7',
    });
  });

  it('a CDEvent in a CloudEvent is read alike', () => {
    const bare = event('service.deployed', { artifactId });
    const wrapped = {
      specversion: '1.0',
      id: 'x',
      source: 'y',
      type: 'dev.cdevents.service.deployed.0.2.0',
      data: bare,
    };
    expect(cdevents.detects(wrapped)).toBe(true);
    expect(read(wrapped)).toEqual(read(bare));
  });

  it('detects its own records', () => {
    expect(cdevents.detects(cdevents.sample)).toBe(true);
    expect(cdevents.detects({ context: { type: 'other' } })).toBe(false);
    expect(schemaFaults(facts(cdevents.sample))).toEqual([]);
  });

  it.each<[string, JsonObject]>([
    ['context.id', event('service.deployed', { artifactId }, { id: '' })],
    ['context.timestamp', event('service.deployed', { artifactId }, { timestamp: '2026-03-10T09:00:00' })],
    ['context.type', event('service.deployed', { artifactId }, { type: 'dev.cdevents.x' })],
    ['subject.content.artifactId', event('service.deployed')],
    ['subject.content.artifactId', event('service.deployed', { artifactId: 'pkg:oci/gateway' })],
    ['subject.content.environment.id', event('service.deployed', { artifactId, environment: { id: 'e\ud800' } })],
    ['subject.id', { ...event('service.deployed', { artifactId }), subject: { content: { artifactId } } }],
  ])('rejects a record whose %s cannot be read', (field, record) => {
    expect(read(record)).toMatchObject({ kind: 'rejected', field });
  });

  it('source and id identify, and other content differs', () => {
    const keys = (record: JsonObject) => {
      const reading = read(record);
      return reading.kind === 'facts' ? [reading.sourceId, reading.dedupe] : [];
    };
    const first = keys(event('service.deployed', { artifactId }));
    expect(first[0]).toBe('/ci\ne-1');
    expect(keys(event('service.deployed', { artifactId: 'v43' }))[1]).not.toEqual(first[1]);
  });
});
