import { status } from '@grpc/grpc-js';
import { CallRefused } from '../refusals.js';

/** Clients of several languages match these texts to the letter. */
function refused(code: status, exception: string, text: string, stream: string, group: string): CallRefused {
  return new CallRefused(code, text, { exception, 'stream-name': stream, 'group-name': group });
}

export function groupMissing(stream: string, group: string): CallRefused {
  const text = `Subscription group ${group} on stream ${stream} does not exist.`;
  return refused(status.NOT_FOUND, 'persistent-subscription-does-not-exist', text, stream, group);
}

export function groupExists(stream: string, group: string): CallRefused {
  const text = `Subscription group ${group} on stream ${stream} exists.`;
  return refused(status.ALREADY_EXISTS, 'persistent-subscription-exists', text, stream, group);
}

export function groupFailed(stream: string, group: string, reason: string): CallRefused {
  const text = `Subscription group ${group} on stream ${stream} failed: '${reason}'`;
  return new CallRefused(status.INTERNAL, text, {
    exception: 'persistent-subscription-failed',
    'stream-name': stream,
    'group-name': group,
    reason,
  });
}

export function groupDropped(stream: string, group: string): CallRefused {
  const text = `Subscription group ${group} on stream ${stream} was dropped.`;
  return refused(status.CANCELLED, 'persistent-subscription-dropped', text, stream, group);
}

export function groupIsFull(stream: string, group: string): CallRefused {
  const text = `Maximum subscriptions reached for subscription group ${group} on stream ${stream}.`;
  return refused(status.FAILED_PRECONDITION, 'maximum-subscribers-reached', text, stream, group);
}
