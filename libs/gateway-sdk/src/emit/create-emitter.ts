import { systemClock } from '../clock.js';
import { BadOption } from '../errors.js';
import type { Draft } from '../events/draft.js';
import { AUTHORITIES, type Authority, type MethodsOf } from '../events/vocabulary.js';
import { TokenNaming } from '../naming.js';
import { readBrokers, readUrl } from '../send/endpoint.js';
import { HttpTransport } from '../send/http.js';
import { KafkaTransport } from '../send/kafka.js';
import { signerOf } from '../send/signature.js';
import type { Transport } from '../send/transport.js';
import { readTokenSecret } from '../token-secret.js';
import { Courier } from './courier.js';
import { Emitter } from './emitter.js';
import type { EmitterOptions } from './options.js';
import { Ring } from './ring.js';

/** An emitter with the methods that its authority may use with effect. */
export type EmitterOf<A extends Authority> = Pick<Emitter, MethodsOf[A] | 'flush' | 'close' | 'stats'>;

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
/** One topic an authority: who may write there is the brokers' to say. */
const TOPICS: Readonly<Record<Authority, string>> = {
  gateway: 'tallystick.gateway-events',
  issuer: 'tallystick.issuer-events',
  deployer: 'tallystick.deployments',
  operator: 'tallystick.operator-events',
};
const DEFAULTS = {
  ring: { events: 20_000, bytes: 32 * 1_048_576 },
  batch: { events: 500, bytes: 512 * 1024, ms: 200 },
};

/**
 * ```ts
 * const emitter = createEmitter({ authority: 'gateway', source: 'edge', url: 'https://tally.example.com', bearer });
 * emitter.validated({ token, claims, status: 200 });
 * await emitter.close();
 * ```
 * @throws BadOption, PlaintextEndpoint, KafkaClientMissing here, and nothing later.
 */
export function createEmitter<A extends Authority>(options: EmitterOptions<A>): EmitterOf<A> {
  const { authority, source, tenant = 'default', component = 'gateway', clock = systemClock } = options;
  if (!AUTHORITIES.includes(authority))
    throw new BadOption('authority', 'is unknown', `Say one of ${AUTHORITIES.join(', ')}.`);
  for (const [option, name] of Object.entries({ source, tenant })) {
    if (!NAME.test(name))
      throw new BadOption(option, 'is no such name', 'Letters, digits, `.`, `_` and `-`, as in the settings.');
  }
  const bounds = {
    events: countOf('ring.events', options.ring?.events, DEFAULTS.ring.events),
    bytes: countOf('ring.bytes', options.ring?.bytes, DEFAULTS.ring.bytes),
  };
  const batch = {
    // What is under way stands in the ring too: at most half of it, so that there is room for what comes meanwhile.
    events: Math.min(
      countOf('batch.events', options.batch?.events, DEFAULTS.batch.events),
      Math.ceil(bounds.events / 2),
    ),
    bytes: Math.min(countOf('batch.bytes', options.batch?.bytes, DEFAULTS.batch.bytes), Math.ceil(bounds.bytes / 2)),
    ms: options.batch?.ms ?? DEFAULTS.batch.ms,
  };
  const { tokenSecret, version, gateway, region, retry = {}, random = Math.random } = options;
  const transport = transportOf(options, source, tenant);
  const ring = new Ring<Draft>(bounds);
  const onRefused = quietly(options.onRefused);
  const naming = tokenSecret === undefined ? undefined : new TokenNaming(readTokenSecret(tokenSecret));
  const writer = { source, tenant, authority, naming };
  const [onProblem, onRejected] = [quietly(options.onProblem), quietly(options.onRejected)];
  return new Emitter({
    ring,
    courier: (gap) =>
      new Courier({ ring, transport, writer, batch, retry, clock, random, gap, onProblem, onRejected, onRefused }),
    authority,
    source,
    stamps: {
      ...(version !== undefined && { version }),
      ...(gateway !== undefined && { gateway }),
      ...(region !== undefined && { region }),
    },
    component,
    clock,
    onRefused,
    close: () => transport.close(),
  });
}

function transportOf(options: EmitterOptions, source: string, tenant: string): Transport {
  const { url, brokers, bearer, kafka = {}, authority, allowPlaintext = false, clock = systemClock } = options;
  const { requestMs = 10_000 } = options.retry ?? {};
  const sign = options.sign === undefined ? undefined : signerOf(options.sign);
  if ((url === undefined) === (brokers === undefined)) {
    throw new BadOption('url', 'or brokers must be given, and not both', 'Say where events go: `url`, or `brokers`.');
  }
  if (brokers !== undefined) {
    const encrypted = kafka.ssl !== undefined && kafka.ssl !== false;
    const { topic = TOPICS[authority] } = options;
    const read = readBrokers(brokers, encrypted, allowPlaintext);
    return new KafkaTransport({ ...kafka, brokers: read, topic, requestMs, sign });
  }
  const address = readUrl(url ?? '', allowPlaintext);
  if (bearer === undefined)
    throw new BadOption('bearer', 'is missing', 'Give the bearer of the API, or what gives it.');
  const { fetch } = options;
  const give = typeof bearer === 'function' ? bearer : () => bearer;
  return new HttpTransport({ url: address, source, tenant, bearer: give, requestMs, clock, sign, fetch });
}

function countOf(option: string, given: number | undefined, otherwise: number): number {
  if (given === undefined) return otherwise;
  if (!Number.isSafeInteger(given) || given < 1)
    throw new BadOption(option, 'is no whole number above 0', 'Give another.');
  return given;
}

/** A callback that throws must not stop what calls it, least of all a request. */
function quietly<T extends unknown[]>(callback: ((...told: T) => void) | undefined): (...told: T) => void {
  return (...told) => {
    try {
      callback?.(...told);
    } catch {
      // Whoever gave the callback sees to its own errors.
    }
  };
}
