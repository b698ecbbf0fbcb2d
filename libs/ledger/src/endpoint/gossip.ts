import { randomUUID } from 'node:crypto';
import type { handleUnaryCall } from '@grpc/grpc-js';
import { wireUuid } from './identifiers.js';
import { gossip, type shared } from './protocol.js';

/** Answers clients that look for a cluster: one member, alive, the leader. */
export function aloneAndLeading(
  address: () => { host: string; port: number },
  clock: () => number,
): handleUnaryCall<shared.Empty, gossip.ClusterInfo> {
  const id = wireUuid(randomUUID(), true);
  return (_call, answer) => {
    const { host, port } = address();
    const endPoint = new gossip.EndPoint();
    endPoint.setAddress(host);
    endPoint.setPort(port);
    const member = new gossip.MemberInfo();
    member.setInstanceId(id);
    member.setTimeStamp(`${clock()}0000`);
    member.setState(gossip.MemberInfo.VNodeState.LEADER);
    member.setIsAlive(true);
    member.setHttpEndPoint(endPoint);
    answer(null, new gossip.ClusterInfo().setMembersList([member]));
  };
}
