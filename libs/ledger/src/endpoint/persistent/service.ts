import type { handleUnaryCall, ServerUnaryCall, UntypedServiceImplementation } from '@grpc/grpc-js';
import type { Access, Caller } from '../access.js';
import { streamNameOf } from '../identifiers.js';
import { persistent, shared } from '../protocol.js';
import { invalidArgument, refusalOf } from '../refusals.js';
import { ALL } from './group-config.js';
import { groupFailed } from './group-refusals.js';
import type { Groups } from './groups.js';
import { serveSubscriber, type SubscriberCall } from './subscriber-call.js';
import { infoOf } from './wire-info.js';
import { groupNamed, groupRequestOf } from './wire-request.js';

const ANONYMOUS = 'anonymous';

/** The calls of `event_store.client.persistent_subscriptions.PersistentSubscriptions`. */
export function persistentSubscriptions(groups: Groups, access: Access): UntypedServiceImplementation {
  const answering =
    <Request, Response>(answer: (request: Request, caller: Caller) => Promise<Response>) =>
    (call: ServerUnaryCall<Request, Response>, callback: Parameters<handleUnaryCall<Request, Response>>[1]): void => {
      const respond = async () => answer(call.request, access.userOf(call.metadata));
      respond().then(
        (response) => callback(null, response),
        (error: unknown) => callback(refusalOf(error)),
      );
    };
  const byAdmin = <Request, Response>(answer: (request: Request, by: string) => Promise<Response>) =>
    answering((request: Request, caller) => {
      access.assertIsAdmin(caller);
      return answer(request, caller?.name ?? ANONYMOUS);
    });
  const byAnyone = <Request, Response>(answer: (request: Request) => Response) =>
    answering(async (request: Request, caller) => {
      access.assertIsKnown(caller);
      return answer(request);
    });

  return {
    create: byAdmin(async (request: persistent.CreateReq, by) => {
      await groups.create(groupRequestOf(request), by);
      return new persistent.CreateResp();
    }),
    update: byAdmin(async (request: persistent.UpdateReq, by) => {
      await groups.update(groupRequestOf(request), by);
      return new persistent.UpdateResp();
    }),
    delete: byAdmin(async (request: persistent.DeleteReq, by) => {
      const { stream, group } = groupNamed(request.getOptions());
      await groups.delete(stream, group, by);
      return new persistent.DeleteResp();
    }),
    getInfo: byAnyone((request: persistent.GetInfoReq) => {
      const { stream, group } = groupNamed(request.getOptions());
      return new persistent.GetInfoResp().setSubscriptionInfo(infoOf(groups.find(stream, group)));
    }),
    list: byAnyone((request: persistent.ListReq) => {
      const found = groups.list(streamListed(request.getOptions()));
      return new persistent.ListResp().setSubscriptionsList(found.map(infoOf));
    }),
    replayParked: byAdmin(async (request: persistent.ReplayParkedReq) => {
      const options = request.getOptions();
      const { stream, group } = groupNamed(options);
      const stopAt = options?.hasStopAt() ? Number(options.getStopAt()) : undefined;
      if (stopAt !== undefined && stopAt < 0) {
        throw groupFailed(stream, group, 'Cannot stop replaying parked message at a negative version.');
      }
      groups.find(stream, group).replayParked(stopAt);
      return new persistent.ReplayParkedResp();
    }),
    restartSubsystem: byAdmin(async () => {
      await groups.restart();
      return new shared.Empty();
    }),
    read: (call: SubscriberCall) => serveSubscriber(call, groups, access),
  };
}

function streamListed(options: persistent.ListReq.Options | undefined): string | undefined {
  if (options?.hasListAllSubscriptions()) return undefined;
  const listed = options?.getListForStream();
  if (!listed) throw invalidArgument('What to list is not said.');
  return listed.hasAll() ? ALL : streamNameOf(listed.getStream());
}
