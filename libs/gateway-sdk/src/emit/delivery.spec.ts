import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createHash } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { isObject } from '../events/claims.js';
import { draftOf } from '../events/draft.js';
import type { TokenTurn } from '../events/inputs.js';
import type { Problem, Rejection } from '../send/transport.js';
import { ManualClock } from '../testing.js';
import { createEmitter } from './create-emitter.js';
import type { EmitterOptions } from './options.js';

const URL_OF_NOBODY = 'http://127.0.0.1:1';
const tokenSecret = { version: 3, token: Buffer.alloc(32, 9) };

interface Event {
  id: string;
  type: string;
  data: Record<string, unknown>;
}
type Reply = (lines: Event[], request: { body: string; headers: Headers; url: string }) => Response | Promise<Response>;

const taken = (lines: Event[], more: object = {}): Response =>
  Response.json({ records: lines.length, accepted: lines.length, duplicates: 0, conflicts: 0, rejected: 0, ...more });

/** An intake that answers as a test says, and what it was sent. */
function emitterTo(reply: Reply, options: Partial<EmitterOptions<'gateway'>> = {}) {
  const clock = new ManualClock();
  const bodies: string[] = [];
  const problems: Problem[] = [];
  const rejections: Rejection[] = [];
  const refused: string[] = [];
  const emitter = createEmitter({
    ...{ authority: 'gateway', source: 'edge', url: URL_OF_NOBODY, bearer: 'bearer-of-test', tokenSecret, clock },
    random: () => 0.5,
    onProblem: (problem) => problems.push(problem),
    onRejected: (rejection) => rejections.push(rejection),
    onRefused: (why) => refused.push(why),
    fetch: async (address, init) => {
      const body = Buffer.from(init?.body as Uint8Array).toString('utf8');
      bodies.push(body);
      const lines = body.split('\n').filter((line) => line !== '');
      const request = { body, headers: new Headers(init?.headers), url: String(address) };
      return reply(
        lines.map((line) => JSON.parse(line) as Event),
        request,
      );
    },
    ...options,
  });
  return { emitter, clock, bodies, problems, rejections, refused };
}

/** Lets everything run that does not wait for the clock. */
async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await turn();
}
const lines = (body: string): Event[] =>
  body
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Event);

describe('a batch goes out', () => {
  it('when it is full by count, by bytes, or old enough; to the source and tenant, with the bearer', async () => {
    const seen: { url: string; authorization: string | null }[] = [];
    const { emitter, clock, bodies } = emitterTo(
      (sent, { url, headers }) => {
        seen.push({ url, authorization: headers.get('authorization') });
        return taken(sent);
      },
      { batch: { events: 3, bytes: 100_000, ms: 50 }, tenant: 'acme' },
    );
    for (let i = 0; i < 3; i++) emitter.observed({ token: `t-${i}` });
    await settle();
    expect(bodies.map((body) => lines(body).length)).toEqual([3]);
    emitter.observed({ token: 't-4' });
    await settle();
    expect([bodies.length, clock.timers]).toEqual([1, [50]]);
    clock.advance(50);
    await settle();
    expect(bodies.map((body) => lines(body).length)).toEqual([3, 1]);
    const url = `${URL_OF_NOBODY}/v1/events?source=edge&tenant=acme`;
    expect(seen[0]).toEqual({ url, authorization: 'Bearer bearer-of-test' });
    const weighty = emitterTo((sent) => taken(sent), { batch: { events: 100, bytes: 2000, ms: 50 } });
    for (let i = 0; i < 4; i++) weighty.emitter.observed({ token: `t-${i}` });
    await settle();
    expect(weighty.bodies.length).toBeGreaterThan(0);
  });

  it('and again with the same bytes, later and later, until it arrives; Retry-After is minded', async () => {
    const answers = [
      () => new Response('', { status: 429, headers: { 'retry-after': '7' } }),
      () => Response.json({ error: { code: 'TALLY_DISK_FULL', message: 'x' } }, { status: 507 }),
      () => Promise.reject(Object.assign(new TypeError('fetch failed'), { cause: { code: 'ECONNREFUSED' } })),
      () => new Response('<html>', { status: 502 }),
    ];
    const { emitter, clock, bodies, problems } = emitterTo(async (sent) => (await answers.shift()?.()) ?? taken(sent), {
      batch: { events: 1 },
      retry: { firstMs: 100, mostMs: 300 },
    });
    emitter.observed({ token: 't-1' });
    for (const wait of [7000, 150, 225, 225]) {
      await settle();
      expect(clock.timers).toEqual([wait]);
      clock.advance(wait);
    }
    await settle();
    expect(new Set(bodies).size).toBe(1);
    expect(bodies).toHaveLength(5);
    expect(problems).toEqual([
      { code: 'busy', status: 429 },
      { code: 'failed', status: 507, detail: 'TALLY_DISK_FULL' },
      { code: 'unreachable', detail: 'ECONNREFUSED' },
      { code: 'failed', status: 502 },
    ]);
    expect(emitter.stats()).toMatchObject({ accepted: 1, retries: 4, batches: 1, waiting: 0, underWay: 0, bytes: 0 });
  });

  it('in halves where it is too large; an event that is too large alone is told', async () => {
    const { emitter, bodies, rejections } = emitterTo(
      (sent) => (sent.length > 1 || sent[0]!.id === 'big' ? new Response('', { status: 413 }) : taken(sent)),
      { batch: { events: 4 } },
    );
    for (const id of ['a', 'b', 'big', 'c']) emitter.observed({ token: id, id });
    await settle();
    expect(
      bodies.map((body) =>
        lines(body)
          .map(({ id }) => id)
          .join(''),
      ),
    ).toEqual(['abbigc', 'ab', 'a', 'b', 'bigc', 'big', 'c']);
    expect(rejections).toMatchObject([{ id: 'big' }]);
    expect(emitter.stats()).toMatchObject({ accepted: 3, rejected: 1 });
  });

  it('and what the intake rejects is told, and not sent again', async () => {
    const { emitter, bodies, rejections } = emitterTo(
      (sent) =>
        taken(sent, {
          accepted: 1,
          rejected: 1,
          rejections: [{ line: 2, field: 'data', reason: 'r', deadLetter: 'd' }],
        }),
      { batch: { events: 2 } },
    );
    emitter.observed({ token: 'a', id: 'a' });
    emitter.observed({ token: 'b', id: 'b' });
    await settle();
    expect(bodies).toHaveLength(1);
    expect(rejections).toEqual([{ id: 'b', type: 'token.observed', field: 'data', reason: 'r', deadLetter: 'd' }]);
  });
});

describe('what does not fit', () => {
  it('is told by one gap, before what still waits, and the gap itself is not lost', async () => {
    let up = false;
    const { emitter, clock, bodies } = emitterTo((sent) => (up ? taken(sent) : new Response('', { status: 503 })), {
      ring: { events: 10 },
      batch: { events: 2, ms: 10 },
    });
    const start = clock.now();
    for (let i = 0; i < 30; i++) {
      clock.advance(1);
      emitter.observed({ token: `t-${i}`, id: `${i}` });
      await turn();
    }
    await settle();
    expect(emitter.stats()).toMatchObject({ waiting: 8, underWay: 2, lost: 20 });
    up = true;
    clock.advance(60_000);
    const closing = emitter.close();
    for (let i = 0; i < 20; i++) {
      await settle();
      clock.advance(1);
    }
    await closing;
    const delivered = bodies.slice(-6).flatMap(lines);
    const ids = new Set(delivered.filter(({ type }) => type.includes('observed')).map(({ id }) => id));
    expect([...ids]).toEqual(['0', '1', '22', '23', '24', '25', '26', '27', '28', '29']);
    expect(delivered.filter(({ type }) => type.includes('gap')).map(({ data }) => data)).toEqual([
      { source: 'edge', from: start + 3, to: start + 22, lost: 20 },
    ]);
  });

  it('every event is delivered, or counted in a gap, whatever fails (property)', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(fc.constant('emit'), fc.constant('turn'), fc.constant('tick')), {
          minLength: 20,
          maxLength: 200,
        }),
        fc.array(fc.constantFrom(200, 200, 429, 500, 0, 'late'), { maxLength: 40 }),
        async (script, replies) => {
          const arrived = new Map<string, Event>();
          const { emitter, clock } = emitterTo(
            (sent) => {
              const reply = replies.shift() ?? 200;
              // `late`: everything was taken in, and the answer was lost on the way.
              if (reply === 200 || reply === 'late') for (const event of sent) arrived.set(event.id, event);
              if (reply === 200) return taken(sent);
              if (reply === 0 || reply === 'late') throw new TypeError('fetch failed');
              return new Response('', { status: reply as number });
            },
            { ring: { events: 8 }, batch: { events: 3, ms: 20 }, retry: { firstMs: 5, mostMs: 40 } },
          );
          let emitted = 0;
          for (const step of script) {
            if (step === 'emit') emitter.observed({ token: `t-${emitted++}` });
            else if (step === 'turn') await turn();
            else clock.advance(10);
            const { waiting, underWay } = emitter.stats();
            expect(waiting + underWay).toBeLessThanOrEqual(8);
          }
          const closing = emitter.close(1e9);
          let open = true;
          void closing.then(() => (open = false));
          while (open) {
            clock.advance(40);
            await turn();
          }
          expect(await closing).toEqual({ undelivered: 0 });
          const events = [...arrived.values()];
          const gaps = events.filter(({ type }) => type.includes('gap'));
          const lost = gaps.reduce((sum, { data }) => sum + Number(data['lost']), 0);
          expect(events.length - gaps.length + lost).toBe(emitted);
          expect(emitter.stats().lost).toBe(lost);
        },
      ),
      { seed: 20260310, numRuns: 60 },
    );
  });
});

describe('close', () => {
  it('gives up at its deadline, says how much was left, and takes nothing after', async () => {
    const { emitter, clock, refused } = emitterTo(() => new Response('', { status: 503 }), { batch: { events: 2 } });
    for (let i = 0; i < 5; i++) emitter.observed({ token: `t-${i}` });
    await settle();
    const closing = emitter.close(1000);
    await settle();
    clock.advance(1000);
    expect(await closing).toEqual({ undelivered: 5 });
    emitter.observed({ token: 't-9' });
    expect(refused).toEqual(['token.observed came after close']);
  });
});

describe('a caller that does wrong', () => {
  it('gets no error, and the event is counted', async () => {
    const { emitter, refused } = emitterTo((sent) => taken(sent), { batch: { events: 1 } });
    const trap = {
      get token(): string {
        throw new Error('secret-in-getter');
      },
    };
    emitter.observed(trap);
    emitter.observed(undefined as never);
    emitter.observed({});
    emitter.observed({ token: 't', at: NaN });
    emitter.observed({ token: 't', userAgent: 'x'.repeat(100_000) });
    // Not what a gateway may say; the types do not offer it.
    Reflect.apply(Reflect.get(emitter, 'revoked') as () => void, emitter, [{ token: 't' }]);
    await settle();
    expect(refused).toEqual([
      'token.observed could not be read',
      'token.observed could not be read',
      'token.observed could not be read',
      'token.revoked is nothing that a source of authority gateway may tell',
      'does not identify a token',
      'cannot be written as a CloudEvent',
    ]);
    expect(emitter.stats()).toMatchObject({ emitted: 2, refused: 6, accepted: 0 });
  });
});

describe('nothing raw leaves, or is kept', () => {
  it('not in bodies, keys, errors, callbacks or the ring, wherever else the token stands', async () => {
    const opaque = 'opaque-SECRET-0123456789';
    const jwt = `eyJhbGciOiJSUzI1NiJ9.${Buffer.from('{"sub":"x"}').toString('base64url')}.c2lnbmF0dXJl`;
    const key = 'key-SECRET-abcdef';
    const { emitter, bodies, problems, refused, rejections, clock } = emitterTo(
      (sent, { body }) => (body.includes('nothing') ? new Response(body, { status: 400 }) : taken(sent)),
      { batch: { events: 6 } },
    );
    emitter.validated({
      token: opaque,
      api: `/cb?t=${opaque}`,
      userAgent: `x ${opaque}`,
      claims: { iss: 'i', jti: opaque },
    });
    emitter.validated({ token: jwt, api: `/cb?t=${jwt}`, gateway: jwt.slice(0, 30), issuer: 'i', jti: jwt });
    emitter.rejected({ apiKey: key, consumer: `${key}`, credential: { system: 'kong', id: key } });
    emitter.observed({ tokenSha256: createHash('sha256').update(opaque).digest('hex') });
    const untyped = { token: opaque, access_token: opaque, nested: { deep: opaque }, proof: { jkt: opaque } };
    emitter.observed(untyped as never);
    emitter.observed({ token: `nothing ${opaque}` });
    await settle();
    clock.advance(1e6);
    await settle();
    const all = JSON.stringify([bodies, problems, refused, rejections, emitter.stats()]);
    for (const raw of [
      opaque,
      jwt,
      key,
      jwt.split('.')[1]!,
      jwt.slice(0, 30),
      createHash('sha256').update(key).digest('hex'),
    ]) {
      expect(all).not.toContain(raw);
    }
    // The token is named all the same, and an id that was the token itself names nothing.
    const [first] = lines(bodies[0]!);
    expect(Object.keys(isObject(first!.data['names']) ? first!.data['names'] : {})).toEqual(['tok']);
    expect(first!.data).not.toHaveProperty('payload.jti');
  });

  it('also while it waits in memory', () => {
    const raw = 'opaque-SECRET-0123456789';
    const input: TokenTurn = {
      token: raw,
      parent: { token: raw },
      successor: { apiKey: raw },
      userAgent: raw,
      credential: { system: raw, id: raw },
    };
    const draft = JSON.stringify(draftOf('rotated', input, 'id', 0));
    expect(draft).not.toContain(raw);
    expect(draft.split(createHash('sha256').update(raw).digest('hex'))).toHaveLength(4);
  });
});

describe('where events may go', () => {
  const make = (options: object) => () =>
    createEmitter({ authority: 'gateway', source: 'edge', bearer: 'b', ...options } as EmitterOptions<'gateway'>);
  it.each([
    [{ url: 'http://tally.example.com' }, 'TALLY_SDK_PLAINTEXT_REFUSED'],
    [{ url: 'http://127.0.0.1.example.com' }, 'TALLY_SDK_PLAINTEXT_REFUSED'],
    [{ brokers: ['127.0.0.1:9092', 'broker-1:9092'] }, 'TALLY_SDK_PLAINTEXT_REFUSED'],
    [{ brokers: ['broker-1:9092'], kafka: { ssl: false } }, 'TALLY_SDK_PLAINTEXT_REFUSED'],
    [{ url: 'https://user:pass@tally.example.com' }, 'TALLY_SDK_BAD_OPTION'],
    [{ url: 'ftp://x' }, 'TALLY_SDK_BAD_OPTION'],
    [{ brokers: ['no-port'] }, 'TALLY_SDK_BAD_OPTION'],
    [{}, 'TALLY_SDK_BAD_OPTION'],
    [{ url: 'https://x.example', brokers: ['127.0.0.1:9'] }, 'TALLY_SDK_BAD_OPTION'],
    [{ url: 'https://x.example', bearer: undefined }, 'TALLY_SDK_BAD_OPTION'],
    [{ url: 'https://x.example', source: 'a b' }, 'TALLY_SDK_BAD_OPTION'],
    [{ url: 'https://x.example', authority: 'king' }, 'TALLY_SDK_BAD_OPTION'],
    [{ url: 'https://x.example', ring: { events: 0 } }, 'TALLY_SDK_BAD_OPTION'],
    [{ url: 'https://x.example', tokenSecret: { version: 16, token: Buffer.alloc(32) } }, 'TALLY_SDK_BAD_OPTION'],
    [{ url: 'https://x.example', tokenSecret: { version: 0, token: 'c2hvcnQ' } }, 'TALLY_SDK_BAD_OPTION'],
    [
      { url: 'https://x.example', tokenSecret: { version: 0, token: Buffer.alloc(32), person: 'x' } },
      'TALLY_SDK_BAD_OPTION',
    ],
    [{ url: 'https://x.example', sign: { alg: 'HS256', kid: 'k', key: { kty: 'oct' } } }, 'TALLY_SDK_BAD_OPTION'],
  ])('%j is refused', (options, code) => {
    expect(make(options)).toThrow(expect.objectContaining({ code }));
  });

  it.each([
    { url: 'https://tally.example.com' },
    { url: 'http://localhost:4100' },
    { url: 'http://tally.example.com', allowPlaintext: true },
    { brokers: ['broker-1:9093'], kafka: { ssl: true } },
    { brokers: ['[::1]:9092', '127.0.0.1:9092'] },
    { brokers: ['broker-1:9092'], allowPlaintext: true },
  ])('%j is not', (options) => {
    expect(make(options)).not.toThrow();
  });
});
