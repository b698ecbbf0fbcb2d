import type { Draft, JsonObject, ReadContext, Reading } from '../adapter.js';
import { textAt } from '../fields.js';
import { Namings } from '../namings.js';
import { partAt } from '../parts.js';
import { realmOf, timeOf } from './event.js';
import { sourceIdOf } from './source-id.js';

const LOCKOUTS = ['temporary-lockout', 'permanent-lockout'];

interface AdminEvent {
  time: number;
  issuer: string;
  operation: string;
  resource: string;
  path: string[];
  /** The user's `enabled` after an update, where the event carries a representation. */
  enabled: boolean | undefined;
}

/** Admin events that end or suspend something: users deleted, disabled, enabled, logged out, unlocked; sessions ended. */
export function readAdminEvent(record: JsonObject, context: ReadContext): Reading {
  const namings = new Namings();
  const time = timeOf(record, namings.notes);
  const realm = realmOf(record, context, namings);
  const path = namings.text('resourcePath', record['resourcePath']) ?? '';
  if (time === undefined) return rejected('time', 'is no time in milliseconds since 1970');
  if (namings.fault) return { kind: 'rejected', ...namings.fault, redrivable: false };
  if (realm === undefined) return rejected('realmId', 'is missing, so the issuer is unknown');
  const operation = String(record['operationType']);
  const resource = String(record['resourceType']);
  if (record['error'] !== undefined && record['error'] !== null) {
    return { kind: 'ignored', why: `${operation} ${resource} failed` };
  }
  const enabled = enabledIn(record['representation']);
  const event = { time, issuer: realm.issuer, operation, resource, path: path.split('/'), enabled };
  const drafts = draftsOf(event, context);
  if (drafts.length === 0) return { kind: 'ignored', why: `${operation} ${resource} ends no token` };
  const by = textAt(partAt(record, 'authDetails'), 'userId') ?? '';
  const dedupe = [String(time), operation, resource, path, realm.realm, by, String(enabled ?? '')];
  return { kind: 'facts', sourceId: sourceIdOf(record, dedupe), dedupe, drafts };
}

function rejected(field: string, reason: string): Reading {
  return { kind: 'rejected', field, reason, redrivable: false };
}

function draftsOf(event: AdminEvent, context: ReadContext): Draft[] {
  const { operation, resource, path, time, issuer } = event;
  const [collection, id, action] = path;
  if (resource === 'USER_LOGIN_FAILURE' && operation === 'DELETE') return unlocks(event, context);
  if (id === undefined || id === '') return [];
  if (resource === 'USER_SESSION' && operation === 'DELETE') {
    const ses = context.name('ses', issuer, id);
    const data = {
      issuer,
      cutoff: time + 1,
      match: { ses, offline: false },
      cause: 'session ended by an administrator',
    };
    return [{ type: 'fence.raised', time, subject: ses, names: { ses }, data: { ...data, scope: 'session' } }];
  }
  if (resource !== 'USER' || collection !== 'users') return [];
  const sub = context.name('sub', issuer, id);
  const about = { time, subject: sub, names: { sub } };
  if (operation === 'DELETE' && action === undefined) {
    const data = { issuer, cutoff: time + 1, match: { sub }, cause: 'user deleted', scope: 'subject' };
    return [{ ...about, type: 'fence.raised', data }];
  }
  if (operation === 'ACTION' && action === 'logout') {
    const data = { issuer, cutoff: time + 1, match: { sub, offline: false }, cause: 'logged out by an administrator' };
    return [{ ...about, type: 'fence.raised', data: { ...data, scope: 'subject' } }];
  }
  if (operation === 'UPDATE' && action === undefined && event.enabled !== undefined) {
    const type = event.enabled ? 'subject.reinstated' : 'subject.suspended';
    return [{ ...about, type, data: { issuer, reasonId: 'disabled', cause: 'set by an administrator' } }];
  }
  return [];
}

/** `attack-detection/brute-force/users/{id}`: the counter is cleared, so both kinds of lockout are over. */
function unlocks(event: AdminEvent, context: ReadContext): Draft[] {
  const id = event.path[3];
  if (id === undefined || id === '') return [];
  const sub = context.name('sub', event.issuer, id);
  return LOCKOUTS.map((reasonId) => ({
    type: 'subject.reinstated',
    time: event.time,
    subject: sub,
    names: { sub },
    data: { issuer: event.issuer, reasonId, cause: 'unlocked by an administrator' },
  }));
}

function enabledIn(representation: unknown): boolean | undefined {
  if (typeof representation !== 'string') return undefined;
  const enabled = /"enabled"\s*:\s*(true|false)/.exec(representation);
  return enabled ? enabled[1] === 'true' : undefined;
}
