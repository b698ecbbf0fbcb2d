export { createEmitter, type EmitterOf } from './emit/create-emitter.js';
export type { Emitter } from './emit/emitter.js';
export type { EmitterOptions, EmitterStats } from './emit/options.js';
export type * from './events/inputs.js';
export {
  AUTHORITIES,
  METHODS,
  type Authority,
  type EventType,
  type Method,
  type MethodsOf,
} from './events/vocabulary.js';
export type { RetryOptions } from './send/backoff.js';
export type { KafkaOptions } from './send/kafka.js';
export { SIGNATURE_HEADER, verifyBatch, type SignOptions } from './send/signature.js';
export type { Problem, Rejection } from './send/transport.js';
export type { TokenSecret } from './token-secret.js';
export { systemClock, type Clock } from './clock.js';
export { BadBatchSignature, BadOption, KafkaClientMissing, PlaintextEndpoint } from './errors.js';
export { REFUSAL_REASONS, type Name, type RefusalReason } from '../shared.js';
export { createVerifier, type Verifier } from './verify/verifier.js';
export type * from './verify/options.js';
export type { Claims, Judgement, Refused, TokenNames, Verified } from './verify/judgement.js';
export type { PresentedRequest } from './verify/request.js';
export { EndedList } from './verify/ended.js';
export { fastifyGuard } from './middleware/fastify.js';
export { expressGuard } from './middleware/express.js';
export type { GuardOptions } from './middleware/answer.js';
