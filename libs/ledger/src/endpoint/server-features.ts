import type { sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js';
import type { MethodDefinition } from '@grpc/grpc-js';
import { features, type shared } from './protocol.js';

/** Clients turn features on by this number: what EventStoreDB 24.6 does on the wire is done here. */
const VERSION = '24.6.0';

/** Beyond its being there, what a method can do. */
const FEATURES: Readonly<Record<string, readonly string[]>> = {
  '/event_store.client.streams.streams/read': ['position', 'events'],
  '/event_store.client.streams.streams/batchappend': ['deadline_duration'],
};

type AnyMethod = Pick<MethodDefinition<never, never>, 'path'>;
export type ServedMethods = Readonly<Record<string, AnyMethod>>;

/** Answers which methods there are, in lower case as clients compare them. */
export function supportedMethods(
  services: readonly { methods: ServedMethods; features?: readonly string[] | undefined }[],
): features.SupportedMethods {
  const list = services.flatMap((service) =>
    Object.values(service.methods).map(({ path }) => {
      const [, serviceName = '', methodName = ''] = path.toLowerCase().split('/');
      const method = new features.SupportedMethod();
      method.setServiceName(serviceName);
      method.setMethodName(methodName);
      method.setFeaturesList([...(FEATURES[path.toLowerCase()] ?? service.features ?? [])]);
      return method;
    }),
  );
  const supported = new features.SupportedMethods();
  supported.setEventStoreServerVersion(VERSION);
  return supported.setMethodsList(list);
}

export function answering(
  supported: features.SupportedMethods,
): (
  call: ServerUnaryCall<shared.Empty, features.SupportedMethods>,
  answer: sendUnaryData<features.SupportedMethods>,
) => void {
  return (_call, answer) => answer(null, supported);
}
