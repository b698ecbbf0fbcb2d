import { canName, parseIsoTime, type ObservationType } from '#lifecycle';
import type { Adapter, Draft, JsonObject, ReadContext, Reading } from './adapter.js';
import { at, isObject, textOf } from './fields.js';
import { NOT_UNICODE } from './claims.js';
import { Namings } from './namings.js';
import { partAt, present } from './parts.js';

const TYPE = /^dev\.cdevents\.([a-z]+)\.([a-z]+)\.\d/i;
/** Stands for whatever version is active in the scope, where an event does not name its artifact. */
export const ANY_VERSION = '*';

interface ServiceEvent {
  predicate: string;
  time: number;
  component: string;
  /** Undefined where the event names no artifact. */
  version: string | undefined;
  artifact: string | undefined;
  from: string | undefined;
  gateway: string | undefined;
  region: string | undefined;
}

/**
 * CDEvents 0.3 and later, bare or as the data of a CloudEvent. Of the continuous deployment events those of a
 * `service` say which version runs where; all others are context.
 *
 * - Component: the profile's `component`, else what stands at `fields.component`, else the last part of `subject.id`
 *   (`service/gateway` is `gateway`).
 * - Version: of `artifactId` the qualifier `tag`, else the version after `@`; an id that is no purl is taken as it is.
 *   `fields.version` names another place.
 * - Where: `environment.id`. One that begins with the profile's gateway tag (`gw-`) is a gateway, without the tag; any
 *   other is a region, without the region tag (`region-`) if it has one. So staging never counts as production.
 * - CDEvents know no traffic weight: weights come from the rollout controller, as CloudEvents.
 * - `rolledback` names only the version that is back: it activates that one, marked `rollback`; the one that failed is
 *   known if the profile names its place, `fields.from`, and then a `deployment.rolledback` is stated too.
 * - `removed` may name no artifact: then whatever version is active there ends (`*`).
 */
export const cdevents: Adapter = {
  format: 'cdevents',
  detects(record) {
    const type = textOf(record['type']) ?? textOf(partAt(record, 'context')['type']);
    return type !== undefined && type.startsWith('dev.cdevents.');
  },
  units: { 'context.timestamp': 'RFC 3339' },
  identity: ['subject.id', 'subject.content.environment.id', 'subject.content.artifactId'],
  dedupe: {
    version: 1,
    fields: [
      'context.type',
      'context.timestamp',
      'subject.id',
      'subject.content.environment.id',
      'subject.content.artifactId',
    ],
  },
  redaction: {},
  outcomes: {
    'service.deployed, service.upgraded': 'deployment.activated',
    'service.rolledback': 'deployment.activated, and deployment.rolledback where the failed version is known',
    'service.removed': 'deployment.deactivated',
    'service.published and every other type': 'context',
  },
  sample: {
    context: {
      version: '0.4.1',
      id: '271069a8-fc18-44f1-b38f-9d70a1695819',
      source: '/ci/deployer',
      type: 'dev.cdevents.service.deployed.0.2.0',
      timestamp: '2026-03-10T09:00:00Z',
    },
    subject: {
      id: 'service/gateway',
      source: '/clusters/eu',
      type: 'service',
      content: { environment: { id: 'eu' }, artifactId: 'pkg:oci/gateway@sha256%3A0b31b1c0?tag=v41' },
    },
  },
  read(record, context): Reading {
    const event = isObject(record['data']) && record['specversion'] !== undefined ? record['data'] : record;
    const envelope = partAt(event, 'context');
    const type = textOf(envelope['type']) ?? '';
    const [, subjectType, predicate] = TYPE.exec(type) ?? [];
    if (subjectType === undefined || predicate === undefined) return rejected('context.type', 'is no CDEvents type');
    for (const field of ['id', 'source']) {
      const text = textOf(envelope[field]);
      if (text === undefined) return rejected(`context.${field}`, 'is missing or empty');
      if (!canName(text)) return rejected(`context.${field}`, NOT_UNICODE);
    }
    const time = parseIsoTime(String(envelope['timestamp'] ?? ''), context.profile.zone);
    if ('error' in time) return rejected('context.timestamp', time.error);
    if (subjectType.toLowerCase() !== 'service')
      return { kind: 'ignored', why: `${type} says nothing of what runs where` };
    const service = readService(event, predicate.toLowerCase(), time.at, context);
    if ('field' in service) return rejected(service.field, service.reason);
    const facts = factsOf(service);
    if (typeof facts === 'string') return { kind: 'ignored', why: facts };
    if (!Array.isArray(facts)) return rejected(facts.field, facts.reason);
    const content = partAt(partAt(event, 'subject'), 'content');
    const dedupe = [
      type,
      String(time.at),
      service.component,
      environmentOf(content) ?? '',
      textOf(content['artifactId']) ?? '',
    ];
    const sourceId = `${textOf(envelope['source'])}\n${textOf(envelope['id'])}`;
    return { kind: 'facts', sourceId, dedupe, drafts: facts };
  },
};

function rejected(field: string, reason: string): Reading {
  return { kind: 'rejected', field, reason, redrivable: false };
}

function readService(
  event: JsonObject,
  predicate: string,
  time: number,
  { profile }: ReadContext,
): ServiceEvent | { field: string; reason: string } {
  const content = partAt(partAt(event, 'subject'), 'content');
  const stated = (field: string) =>
    profile.fields[field] === undefined ? undefined : textOf(at(event, profile.fields[field]));
  const namings = new Namings();
  const id = namings.text('subject.id', partAt(event, 'subject')['id']);
  const component = profile.component || stated('component') || id?.split('/').at(-1);
  const artifact = namings.text('subject.content.artifactId', content['artifactId']);
  const environment = namings.text('subject.content.environment.id', environmentOf(content));
  if (namings.fault) return namings.fault;
  if (component === undefined || component === '')
    return { field: 'subject.id', reason: 'is missing: which service is it?' };
  if (!canName(component)) return { field: 'subject.id', reason: NOT_UNICODE };
  const { gateway: gatewayTag, region: regionTag } = profile.tags;
  const isGateway = environment !== undefined && gatewayTag !== '' && environment.startsWith(gatewayTag);
  return {
    predicate,
    time,
    component,
    version: stated('version') ?? (artifact === undefined ? undefined : versionOf(artifact)),
    artifact,
    from: stated('from'),
    gateway: isGateway ? environment.slice(gatewayTag.length) : undefined,
    region: isGateway ? undefined : environment?.replace(new RegExp(`^${escaped(regionTag)}`), ''),
  };
}

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

function environmentOf(content: JsonObject): string | undefined {
  return textOf(partAt(content, 'environment')['id']);
}

/** Package URL: `pkg:type/name@version?qualifiers#subpath`, each part percent-encoded. */
function versionOf(artifact: string): string | undefined {
  if (!artifact.startsWith('pkg:')) return artifact;
  const [path = '', qualifiers] = artifact.replace(/#.*$/, '').split('?');
  const tag = new URLSearchParams(qualifiers ?? '').get('tag');
  if (tag !== null && tag !== '') return tag;
  const sign = path.lastIndexOf('@');
  return sign === -1 ? undefined : decode(path.slice(sign + 1));
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text) || undefined;
  } catch {
    return undefined;
  }
}

function factsOf(service: ServiceEvent): Draft[] | string | { field: string; reason: string } {
  const { predicate, component, version, artifact, from, gateway, region } = service;
  const scope = { gateway, region };
  const noVersion = { field: 'subject.content.artifactId', reason: 'names no version' };
  switch (predicate) {
    case 'deployed':
    case 'upgraded':
      if (version === undefined) return noVersion;
      return [draft(service, 'deployment.activated', { component, version, ...scope, artifact })];
    case 'rolledback': {
      if (version === undefined) return noVersion;
      const back = draft(service, 'deployment.activated', { component, version, ...scope, artifact, rollback: true });
      if (from === undefined) return [back];
      return [draft(service, 'deployment.rolledback', { component, from, to: version, ...scope }), back];
    }
    case 'removed':
      return [draft(service, 'deployment.deactivated', { component, version: version ?? ANY_VERSION, ...scope })];
    default:
      return `service.${predicate} changes no version`;
  }
}

function draft(service: ServiceEvent, type: ObservationType, data: Record<string, unknown>): Draft {
  return { type, time: service.time, subject: service.component, names: {}, data: present(data) };
}
