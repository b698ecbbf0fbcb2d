import type { ServerDuplexStream } from '@grpc/grpc-js';
import type { Access } from '../access.js';
import { uuidOf } from '../identifiers.js';
import { persistent, type shared } from '../protocol.js';
import { invalidArgument, refusalOf } from '../refusals.js';
import type { Membership } from './group.js';
import type { Groups } from './groups.js';
import type { Refusal } from './subscription.js';
import { groupNamed } from './wire-request.js';
import { confirmation, messageResponse } from './wire-response.js';

export type SubscriberCall = ServerDuplexStream<persistent.ReadReq, persistent.ReadResp>;

const { Action } = persistent.ReadReq.Nack;
const REFUSALS = new Map<number, Refusal>([
  [Action.UNKNOWN, 'unknown'],
  [Action.PARK, 'park'],
  [Action.RETRY, 'retry'],
  [Action.SKIP, 'skip'],
  [Action.STOP, 'stop'],
]);

/** Serves one subscriber: its first message says to which group, all others answer what it was given. */
export function serveSubscriber(call: SubscriberCall, groups: Groups, access: Access): void {
  let membership: Membership | undefined;
  let isOver = false;
  const leave = () => {
    isOver = true;
    membership?.leave();
  };
  const end = (error: unknown) => {
    if (isOver) return;
    leave();
    call.emit('error', refusalOf(error));
  };
  call.on('cancelled', leave).on('close', leave).on('error', leave);
  call.on('end', () => {
    if (isOver) return;
    leave();
    call.end();
  });
  call.on('data', (request: persistent.ReadReq) => {
    if (isOver) return;
    try {
      if (membership) answer(membership, request);
      else membership = join(call, request, groups, access, end);
    } catch (error) {
      end(error);
    }
  });
}

function join(
  call: SubscriberCall,
  request: persistent.ReadReq,
  groups: Groups,
  access: Access,
  end: (error: unknown) => void,
): Membership {
  const options = request.getOptions();
  const { stream, group } = groupNamed(options);
  const user = access.userOf(call.metadata);
  access.assertMayRead(user, stream);
  const found = groups.find(stream, group);
  const isStructured = !options?.getUuidOption()?.hasString();
  const [connectionName = '<unknown>'] = call.metadata.get('connection-name');
  const waiting: persistent.ReadResp[] = [];
  let isConfirmed = false;
  const membership = found.join(
    {
      username: user?.name ?? 'anonymous',
      connectionName: String(connectionName),
      from: call.getPeer(),
      slots: options?.getBufferSize() ?? 0,
    },
    {
      send: (message) => {
        const response = messageResponse(message, isStructured);
        if (isConfirmed) call.write(response);
        else waiting.push(response);
      },
      drop: end,
    },
  );
  isConfirmed = true;
  for (const response of [confirmation(found.key), ...waiting]) call.write(response);
  return membership;
}

function answer(membership: Membership, request: persistent.ReadReq): void {
  const ack = request.getAck();
  const nack = request.getNack();
  if (ack) return membership.acknowledge(idsOf(ack));
  const how = nack && REFUSALS.get(nack.getAction());
  if (!nack || !how) throw invalidArgument('Only acknowledgements of known kinds may follow.');
  membership.refuse(idsOf(nack), how, nack.getReason());
}

function idsOf(answered: { getIdsList(): shared.UUID[] }): string[] {
  return answered.getIdsList().flatMap((id) => uuidOf(id) ?? []);
}
