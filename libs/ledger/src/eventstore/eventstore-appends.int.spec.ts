import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import codes from '@eventstore/db-client/generated/code_pb.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import { testEvent } from '../testing/test-event.js';
import type { StreamAppend } from '../port.js';
import { uuid } from './messages.js';
import { EventStoreLedger, type OpenEventStoreLedger } from './store.js';
import { failure, refusal, streamOf, StubServer, type BatchCall } from './testing/stub-server.js';

let stub: StubServer;
let ledger: EventStoreLedger;
const opened: EventStoreLedger[] = [];

async function open(options: Partial<OpenEventStoreLedger> = {}): Promise<EventStoreLedger> {
  ledger = await EventStoreLedger.open({ url: stub.url, ...options });
  opened.push(ledger);
  return ledger;
}
const one = (stream: string, label = stream): StreamAppend => ({
  stream,
  events: [testEvent(label)],
  expected: 'no_stream',
});
const streamsWritten = (): string[] => stub.log.records.map(({ stream }) => stream);

beforeEach(async () => {
  stub = await StubServer.start();
});
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
  stub.cut();
});

describe('appends over a wire that fails', () => {
  it('settle where the server ends the batch stream in good order, and are written once', async () => {
    await open();
    let ends = 0;
    // The first is written and never answered, the second is not even written.
    stub.behaviour.onAppend = (call, request, answer) => {
      if (ends++ === 0) stub.answerTo(request);
      else if (ends === 2) call.end();
      else answer();
    };
    const outcomes = await ledger.appendMany([one('a'), one('b')]);
    expect(outcomes).toMatchObject([
      { ok: true, revision: 0n, written: true },
      { ok: true, revision: 0n, written: true },
    ]);
    expect(streamsWritten()).toEqual(['a', 'b']);
    expect(stub.appended).toEqual(['a', 'b', 'a', 'b']);
  });

  it('are sent again after an error on the batch stream, with the same ids and expected revision', async () => {
    await open();
    const calls = new Set<BatchCall>();
    stub.behaviour.onAppend = (call, request, answer) => {
      calls.add(call);
      if (calls.size > 1) return answer();
      if (streamOf(request) === 'a') stub.answerTo(request);
      else call.emit('error', failure(status.UNAVAILABLE));
    };
    const outcomes = await ledger.appendMany([one('a'), one('b'), one('a', 'a2')]);
    expect(outcomes).toMatchObject([{ ok: true }, { ok: true }, { ok: false, actual: 0n }]);
    expect(streamsWritten()).toEqual(['a', 'b']);
    expect(calls.size).toBe(2);
  });

  it('of one ledger are not touched by the broken stream of another in the same process', async () => {
    const first = await open();
    const second = await open();
    let held: (() => void) | undefined;
    stub.behaviour.onAppend = (call, request, answer) => {
      if (streamOf(request) === 'held') held = answer;
      else if (streamOf(request) === 'broken' && !streamsWritten().includes('broken')) {
        stub.answerTo(request);
        call.emit('error', failure(status.INTERNAL));
      } else answer();
    };
    const waiting = first.append('held', [testEvent('h')], 'no_stream');
    await until(() => held !== undefined);
    await second.append('broken', [testEvent('b')], 'no_stream');
    held?.();
    expect(await waiting).toMatchObject({ revision: 0n, written: true });
    expect(stub.appended.filter((stream) => stream === 'held')).toHaveLength(1);
  });

  it('survive answers to correlation ids that nobody asked about', async () => {
    await open();
    stub.behaviour.onAppend = (call, _request, answer) => {
      const strange = new streams.BatchAppendResp().setCorrelationId(uuid('00000000-0000-4000-8000-000000000001'));
      call.write(strange.setSuccess(new streams.BatchAppendResp.Success()));
      answer();
      answer();
    };
    expect(await ledger.append('a', [testEvent('1')], 'no_stream')).toMatchObject({ revision: 0n });
    expect(await ledger.append('a', [testEvent('2')], 0n)).toMatchObject({ revision: 1n });
  });

  it('give up after their own deadline, and say that the same again is safe', async () => {
    await open({ deadlineMs: 300 });
    stub.behaviour.onAppend = () => undefined;
    await expect(ledger.append('a', [testEvent('1')], 'no_stream')).rejects.toMatchObject({
      code: 'TALLY_APPEND_UNANSWERED',
      retry: true,
      facts: { stream: 'a', deadlineMs: 300 },
    });
    // Nor does it hold up what comes after it.
    delete stub.behaviour.onAppend;
    expect(await ledger.append('a', [testEvent('1')], 'no_stream')).toMatchObject({ revision: 0n });
  });

  it('tell the server the same deadline', async () => {
    await open({ deadlineMs: 5000 });
    let deadline = 0;
    stub.behaviour.onAppend = (_call, request, answer) => {
      deadline = request.getOptions()?.getDeadline()?.toDate().getTime() ?? 0;
      answer();
    };
    const before = Date.now();
    await ledger.append('a', [testEvent('1')], 'no_stream');
    expect(deadline).toBeGreaterThanOrEqual(before + 5000);
    expect(deadline).toBeLessThanOrEqual(Date.now() + 5000);
  });

  it('go on where connections are cut in the middle, as often as it happens, nothing lost and nothing twice', async () => {
    await open();
    let answered = 0;
    stub.behaviour.onAppend = (_call, _request, answer) => {
      answer();
      if (++answered % 100 === 0) void stub.restart();
    };
    const appends = Array.from({ length: 300 }, (_, index) => one(`s${index}`));
    const outcomes = await ledger.appendMany(appends);
    expect(outcomes.every((outcome) => outcome.ok && outcome.revision === 0n)).toBe(true);
    expect(streamsWritten().sort()).toEqual(appends.map(({ stream }) => stream).sort());
  });

  it('wait for a server that comes back before the deadline', async () => {
    await open();
    stub.cut();
    const waiting = ledger.append('a', [testEvent('1')], 'no_stream');
    await stub.listen();
    expect(await waiting).toMatchObject({ revision: 0n, written: true });
  });

  it('go to the leader that a follower names', async () => {
    const leader = await StubServer.start();
    await open();
    stub.behaviour.onAppend = (call) =>
      call.emit(
        'error',
        failure(status.NOT_FOUND, {
          exception: 'not-leader',
          'leader-endpoint-host': '127.0.0.1',
          'leader-endpoint-port': String(leader.port),
        }),
      );
    expect(await ledger.append('a', [testEvent('1')], 'no_stream')).toMatchObject({ revision: 0n });
    expect(leader.log.records).toHaveLength(1);
    expect(stub.log.records).toHaveLength(0);
    leader.cut();
  });

  it('do not follow a leader off this machine in plain text', async () => {
    await open();
    stub.behaviour.onAppend = (call) =>
      call.emit(
        'error',
        failure(status.NOT_FOUND, {
          exception: 'not-leader',
          'leader-endpoint-host': '192.0.2.1',
          'leader-endpoint-port': '2113',
        }),
      );
    await expect(ledger.append('a', [testEvent('1')], 'no_stream')).rejects.toMatchObject({
      code: 'TALLY_PLAINTEXT_REFUSED',
      remedy: expect.stringContaining('--allow-plaintext eventstore'),
    });
  });

  it('are repeated where the server timed out or was busy, and refused for good where it says so', async () => {
    await open();
    const answers = [
      refusal(codes.Code.DEADLINE_EXCEEDED, 'Timeout'),
      refusal(codes.Code.UNAVAILABLE, 'Unknown'),
      undefined,
      refusal(codes.Code.PERMISSION_DENIED, 'AccessDenied'),
      refusal(codes.Code.FAILED_PRECONDITION, 'StreamDeleted'),
      refusal(
        codes.Code.INVALID_ARGUMENT,
        'MaximumAppendSizeExceeded',
        new shared.MaximumAppendSizeExceeded().setMaxappendsize(7).serializeBinary(),
      ),
      refusal(codes.Code.UNKNOWN, 'Unknown'),
    ];
    stub.behaviour.onAppend = (call, request, answer) => {
      const error = answers.shift();
      if (error === undefined) return answer();
      call.write(new streams.BatchAppendResp().setCorrelationId(request.getCorrelationId()).setError(error));
    };
    expect(await ledger.append('a', [testEvent('1')], 'no_stream')).toMatchObject({ revision: 0n });
    const refused = (stream: string) => ledger.append(stream, [testEvent(stream)], 'no_stream');
    await expect(refused('b')).rejects.toMatchObject({ code: 'TALLY_EVENTSTORE_ACCESS_DENIED', retry: false });
    await expect(refused('c')).rejects.toMatchObject({ code: 'TALLY_STREAM_TOMBSTONED', retry: false });
    await expect(refused('d')).rejects.toMatchObject({ code: 'TALLY_APPEND_TOO_LARGE', facts: { limit: 7 } });
    await expect(refused('e')).rejects.toMatchObject({ code: 'TALLY_EVENTSTORE_REFUSED', retry: false });
    expect(streamsWritten()).toEqual(['a']);
  });
});

describe('many appends', () => {
  it('are under way at once up to the limit, and one after another in one stream', async () => {
    await open({ inFlight: 8 });
    const held: { stream: string; answer: () => void }[] = [];
    let most = 0;
    stub.behaviour.onAppend = (_call, request, answer) => {
      held.push({ stream: streamOf(request), answer });
      most = Math.max(most, held.length);
      expect(new Set(held.map(({ stream }) => stream)).size).toBe(held.length);
      if (held.length === 8 || stub.appended.length > 56) for (const each of held.splice(0)) each.answer();
    };
    const appends = Array.from({ length: 60 }, (_, index) => ({
      stream: `s${index % 20}`,
      events: [testEvent(`e${index}`)],
      expected: index < 20 ? ('no_stream' as const) : BigInt(Math.floor(index / 20) - 1),
    }));
    const outcomes = await ledger.appendMany(appends);
    expect(outcomes.every((outcome) => outcome.ok)).toBe(true);
    expect(most).toBe(8);
    const ofOne = stub.log.records
      .filter(({ stream }) => stream === 's3')
      .map(({ message }) => message.getId()?.getString());
    expect(ofOne).toEqual(['e3', 'e23', 'e43'].map((label) => testEvent(label).id));
  });

  it('reject as a whole when one fails for good, after all have settled, and begin nothing more', async () => {
    await open({ inFlight: 2 });
    stub.behaviour.onAppend = (call, request, answer) => {
      if (streamOf(request) !== 'bad') return answer();
      const error = refusal(codes.Code.PERMISSION_DENIED, 'AccessDenied');
      call.write(new streams.BatchAppendResp().setCorrelationId(request.getCorrelationId()).setError(error));
    };
    const many = [one('bad'), ...Array.from({ length: 50 }, (_, index) => one(`s${index}`))];
    await expect(ledger.appendMany(many)).rejects.toMatchObject({ code: 'TALLY_EVENTSTORE_ACCESS_DENIED' });
    const sent = stub.appended.length;
    expect(sent).toBeLessThan(10);
    delete stub.behaviour.onAppend;
    const outcomes = await ledger.appendMany(many.slice(1));
    expect(outcomes.every((outcome) => outcome.ok)).toBe(true);
    expect(new Set(streamsWritten()).size).toBe(50);
    expect(streamsWritten()).toHaveLength(50);
  });

  it('over the limit of one append are refused before anything is sent, never cut in two', async () => {
    await open({ maxAppendBytes: 1000 });
    const events = Array.from({ length: 3 }, (_, index) => testEvent(`big${index}`, `"${'x'.repeat(400)}"`));
    const call = ledger.appendMany([one('small'), { stream: 'big', events, expected: 'no_stream' }]);
    await expect(call).rejects.toMatchObject({
      code: 'TALLY_APPEND_TOO_LARGE',
      facts: { stream: 'big', bytes: 1206, limit: 1000 },
    });
    expect(stub.appended).toEqual([]);
  });

  it('of several events are one append on the wire, in chunks where they are large', async () => {
    await open({ maxAppendBytes: 8 * 1024 * 1024 });
    let chunks = 0;
    const parts: InstanceType<typeof streams.BatchAppendReq>[] = [];
    stub.behaviour.onAppend = (call, request) => {
      chunks += 1;
      parts.push(request);
      if (!request.getIsFinal()) return;
      const [first, ...rest] = parts;
      for (const part of rest)
        for (const message of part.getProposedMessagesList()) first!.addProposedMessages(message);
      call.write(stub.answerTo(first!));
    };
    const events = Array.from({ length: 5 }, (_, index) => testEvent(`big${index}`, `"${'x'.repeat(1_000_000)}"`));
    expect(await ledger.append('big', events, 'no_stream')).toMatchObject({ revision: 4n });
    expect(chunks).toBe(2);
  });
});

describe('closing', () => {
  it('ends what waits with an error that says that a repetition is safe', async () => {
    await open();
    stub.behaviour.onAppend = () => undefined;
    const waiting = ledger.append('a', [testEvent('1')], 'no_stream');
    const settled = expect(waiting).rejects.toMatchObject({ code: 'TALLY_LEDGER_CLOSED', retry: true });
    await until(() => stub.appended.length === 1);
    await ledger.close();
    await settled;
    await expect(ledger.append('a', [], 'any')).rejects.toMatchObject({ code: 'TALLY_LEDGER_CLOSED' });
  });
});

/** Waits for something that the other side of the wire does, turn by turn. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}
