import type { Json, JsonObject, ReadContext, Reading } from './adapter.js';
import { FieldReader, isObject, readRecordTime, statusOf, type FieldPaths } from './fields.js';
import { claimsOf, isAnonymous } from './operator-fields.js';
import { headerOf } from './presenter.js';
import { reasonOf } from './refusals.js';
import { readUse, type Use } from './use.js';

/** What one gateway's log plugin shows in a way of its own. */
export type OwnFields = Pick<Use, 'system' | 'upstream' | 'requestId' | 'distinguishing'> &
  Partial<Pick<Use, 'authorization' | 'agent' | 'host'>>;

/** One request as the log plugins of Kong and APISIX write it: request, response, and fields that an operator adds. */
export function readPluginLog(
  record: JsonObject,
  context: ReadContext,
  paths: FieldPaths,
  ownOf: (fields: FieldReader, headers: Json | undefined) => OwnFields,
): Reading {
  const fields = new FieldReader(record, paths, context.profile.fields);
  const time = readRecordTime(fields.get('time'), 'ms', context.profile.zone);
  if ('reason' in time) return { kind: 'rejected', field: fields.pathOf('time'), ...time };
  const claims = claimsOf(fields, context);
  if (claims && typeof claims === 'object' && 'reason' in claims)
    return { kind: 'rejected', ...claims, redrivable: false };
  const { headers } = isObject(record['request']) ? record['request'] : {};
  const reason = fields.text('reason');
  const own = ownOf(fields, headers);
  return readUse(
    {
      pathOf: (field) => fields.pathOf(field),
      system: own.system,
      time: time.at,
      notes: claims === 'unverified' ? [...time.notes, 'claims:unverified'] : time.notes,
      status: statusOf(fields.get('status')),
      reason: reason === undefined ? undefined : reasonOf(reason),
      claims: claims === 'unverified' ? undefined : claims,
      digest: fields.text('token_sha256'),
      upstream: own.upstream,
      authorization: own.authorization ?? headerOf(headers, 'authorization') !== undefined,
      tokenPath: context.profile.fields['token'],
      consumer: fields.get('consumer'),
      credential: { value: fields.get('credential'), verified: true },
      anonymous: isAnonymous(fields, headers),
      address: fields.get('client_ip'),
      agent: own.agent ?? headerOf(headers, 'user-agent'),
      proof: headerOf(headers, 'dpop') !== undefined,
      version: fields.text('version'),
      gateway: fields.text('gateway'),
      region: fields.text('region'),
      api: fields.text('api'),
      requestId: own.requestId,
      host: own.host ?? headerOf(headers, 'host'),
      method: fields.text('method'),
      path: fields.text('path'),
      distinguishing: own.distinguishing,
    },
    context,
  );
}
