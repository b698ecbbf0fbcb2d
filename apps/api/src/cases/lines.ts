import { caseRecord, type JsonLine } from './product.js';

/** For end-to-end specs: lines like those of the field cases, with some values changed. */

/** A copy with the values at these dotted paths changed; `undefined` takes a property away. */
export function vary(record: JsonLine, changes: Record<string, unknown>): JsonLine {
  const copy = structuredClone(record);
  for (const [path, value] of Object.entries(changes)) {
    const keys = path.split('.');
    const last = keys.pop()!;
    let target = copy;
    for (const key of keys) target = (target[key] ??= {}) as JsonLine;
    if (value === undefined) Reflect.deleteProperty(target, last);
    else target[last] = value;
  }
  return copy;
}

let requests = 0;
/** Request ids that no other line has. */
function requestId(): string {
  return `rq-variant-${requests++}`;
}

const SHAPES = {
  keycloak: { file: '01-refresh-race.keycloak.ndjson', line: 1, id: 'id' },
  kong: { file: '02-revocation-cache.kong.ndjson', line: 1, id: 'request.headers.x-request-id' },
  okta: { file: '02-revocation-cache.okta.ndjson', line: 1, id: 'uuid' },
  envoy: { file: '03-clock-skew.envoy.ndjson', line: 3, id: 'request_id' },
  tyk: { file: '04-kid-rotation.tyk.ndjson', line: 1, id: undefined },
  apisix: { file: '05-exp-milliseconds.apisix.ndjson', line: 2, id: 'request_id' },
  apigee: { file: '07-expires-in-nonpositive.apigee.ndjson', line: 1, id: 'messageid' },
} as const;

/** A line of a source's format after the first of its case, with an id of its own and these changes. */
export function lineOf(source: keyof typeof SHAPES, changes: Record<string, unknown> = {}): JsonLine {
  const { file, line, id } = SHAPES[source];
  return vary(caseRecord(file, line), { ...(id === undefined ? {} : { [id]: requestId() }), ...changes });
}

let events = 0;
/** A CloudEvent of a fact, as an operator or a system without an adapter sends it. */
export function cloudEvent(type: string, time: string, data: JsonLine, changes: JsonLine = {}): JsonLine {
  return {
    specversion: '1.0',
    id: `ce-${events++}`,
    source: 'ops',
    type: `tallystick.${type}.v1`,
    time,
    data,
    ...changes,
  };
}
