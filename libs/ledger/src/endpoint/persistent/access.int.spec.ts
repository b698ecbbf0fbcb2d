import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import persistentGrpc from '@eventstore/db-client/generated/persistent_grpc_pb.js';
import { ServedGroups } from '../../testing/served-groups.js';
import { wireStream } from '../identifiers.js';
import { persistent, shared } from '../protocol.js';

const { CreateReq, DeleteReq, GetInfoReq, ListReq, ReadReq, ReplayParkedReq } = persistent;

/** Calls without the official client, which sends no password in plain text, and no old or odd fields. */
describe('calls to persistent subscriptions', () => {
  let groups: ServedGroups;
  let client: InstanceType<typeof persistentGrpc.PersistentSubscriptionsClient>;
  beforeEach(async () => {
    groups = await ServedGroups.start({ admin: { password: 'a' }, reader: { password: 'r' } });
    const { host, port } = groups.served.endpoint;
    client = new persistentGrpc.PersistentSubscriptionsClient(`${host}:${port}`, credentials.createInsecure());
  });
  afterEach(async () => {
    client.close();
    await groups.served.remove();
  });

  const as = (name?: string, password = name?.[0]) => {
    const metadata = new Metadata();
    const pair = Buffer.from(`${name}:${password}`).toString('base64');
    if (name !== undefined) metadata.set('authorization', `Basic ${pair}`);
    return metadata;
  };
  /** The status with which a call ends. */
  const ends = (call: (answered: (error: ServiceError | null) => void) => unknown) =>
    new Promise<status>((resolve) => call((error) => resolve(error?.code ?? status.OK)));
  const settings = () =>
    new CreateReq.Settings().setReadBatchSize(5).setHistoryBufferSize(10).setLiveBufferSize(10).setMaxRetryCount(3);
  const created = (request: persistent.CreateReq.Options, metadata = as('admin')) =>
    ends((answered) => client.create(new CreateReq().setOptions(request), metadata, answered));
  const onStream = (stream: string) =>
    new CreateReq.Options()
      .setStream(new CreateReq.StreamOptions().setStreamIdentifier(wireStream(stream)).setStart(new shared.Empty()))
      .setGroupName('group')
      .setSettings(settings());
  const info = (stream: string, metadata = as('reader')) =>
    new Promise<persistent.SubscriptionInfo | undefined>((resolve) => {
      const options = new GetInfoReq.Options().setStreamIdentifier(wireStream(stream)).setGroupName('group');
      client.getInfo(new GetInfoReq().setOptions(options), metadata, (_error, answer) =>
        resolve(answer?.getSubscriptionInfo()),
      );
    });
  const reads = (stream: string, metadata: Metadata) =>
    new Promise<status | string>((resolve) => {
      const call = client.read(metadata);
      call.on('data', (answer: persistent.ReadResp) => {
        call.cancel();
        resolve(answer.getSubscriptionConfirmation()?.getSubscriptionId() ?? 'no confirmation');
      });
      call.on('error', (error: ServiceError) => resolve(error.code));
      const options = new ReadReq.Options().setStreamIdentifier(wireStream(stream)).setGroupName('group');
      call.write(new ReadReq().setOptions(options.setBufferSize(5)));
    });

  it('are for administrators, where they change something', async () => {
    for (const name of [undefined, 'reader']) {
      expect(await created(onStream('s'), as(name))).toBe(status.PERMISSION_DENIED);
    }
    expect(await created(onStream('s'), as('admin', 'wrong'))).toBe(status.UNAUTHENTICATED);
    expect(await created(onStream('s'))).toBe(status.OK);
    const named = new DeleteReq.Options().setStreamIdentifier(wireStream('s')).setGroupName('group');
    const deleted = (metadata: Metadata) =>
      ends((answered) => client.delete(new DeleteReq().setOptions(named), metadata, answered));
    expect(await deleted(as('reader'))).toBe(status.PERMISSION_DENIED);
    const parked = new ReplayParkedReq.Options().setStreamIdentifier(wireStream('s')).setGroupName('group');
    const replayed = (metadata: Metadata) =>
      ends((answered) => client.replayParked(new ReplayParkedReq().setOptions(parked), metadata, answered));
    expect(await replayed(as('reader'))).toBe(status.PERMISSION_DENIED);
    expect(await replayed(as('admin'))).toBe(status.OK);
    const restarted = (metadata: Metadata) =>
      ends((answered) => client.restartSubsystem(new shared.Empty(), metadata, answered));
    expect(await restarted(as('reader'))).toBe(status.PERMISSION_DENIED);
    expect(await restarted(as('admin'))).toBe(status.OK);
    expect(await deleted(as('admin'))).toBe(status.OK);
  });

  it('show a group to those who are known, and its events to those who may read the stream', async () => {
    expect(await created(onStream('s'))).toBe(status.OK);
    expect(await created(onStream('$secret'))).toBe(status.OK);
    const acl = { id: '6f1a6a6e-1e0b-4d7b-8a53-0c6a3c1f0009', type: '$metadata', data: '{"$acl":{"$r":"reader"}}' };
    await groups.served.ledger.append('$$s', [acl], 'any');
    expect(await info('s', as())).toBeUndefined();
    expect((await info('s'))?.getGroupName()).toBe('group');
    expect(await reads('s', as())).toBe(status.PERMISSION_DENIED);
    expect(await reads('s', as('reader'))).toBe('s::group');
    expect(await reads('$secret', as('reader'))).toBe(status.PERMISSION_DENIED);
    expect(await reads('$secret', as('admin'))).toBe('$secret::group');
  });

  it('take the newer fields too: start by name, strategy by name, times in ticks', async () => {
    const options = onStream('s');
    options
      .getSettings()
      ?.setConsumerStrategy('PinnedByCorrelation')
      .setMessageTimeoutTicks('12340000')
      .setCheckpointAfterTicks('50000');
    expect(await created(options)).toBe(status.OK);
    const seen = await info('s');
    expect(seen?.getNamedConsumerStrategy()).toBe('PinnedByCorrelation');
    expect([seen?.getMessageTimeoutMilliseconds(), seen?.getCheckPointAfterMilliseconds()]).toEqual([1234, 5]);
    expect(seen?.getStartFrom()).toBe('0');
  });

  it('refuse what is no request', async () => {
    const options = onStream('s');
    options.getSettings()?.setConsumerStrategy('ByMoon');
    expect(await created(options)).toBe(status.INTERNAL);
    expect(await created(new CreateReq.Options().setSettings(settings()))).toBe(status.INVALID_ARGUMENT);
    const bare = onStream('s');
    bare.clearSettings();
    expect(await created(bare)).toBe(status.INVALID_ARGUMENT);
    const noStart = new CreateReq.StreamOptions().setStreamIdentifier(wireStream('s'));
    expect(await created(onStream('s').setStream(noStart))).toBe(status.INVALID_ARGUMENT);
    expect(await ends((answered) => client.list(new ListReq(), as('admin'), answered))).toBe(status.INVALID_ARGUMENT);
    const call = client.read(as('admin'));
    const ended = new Promise<status>((resolve) => call.on('error', (error: ServiceError) => resolve(error.code)));
    call.write(new ReadReq().setAck(new ReadReq.Ack()));
    expect(await ended).toBe(status.INVALID_ARGUMENT);
  });

  it('end a subscriber cleanly when it says it will send no more', async () => {
    expect(await created(onStream('s'))).toBe(status.OK);
    const call = client.read(as('admin'));
    const ended = new Promise<void>((resolve) => call.on('end', resolve));
    call.on('data', () => call.end());
    const options = new ReadReq.Options().setStreamIdentifier(wireStream('s')).setGroupName('group');
    call.write(new ReadReq().setOptions(options.setBufferSize(5)));
    await ended;
    expect((await info('s'))?.getConnectionsList()).toEqual([]);
  });

  it('give and take ids in their structured form', async () => {
    expect(await created(onStream('s'))).toBe(status.OK);
    await groups.served.ledger.append(
      's',
      [{ id: '6f1a6a6e-1e0b-4d7b-8a53-0c6a3c1f0001', type: 't', data: '{}' }],
      'any',
    );
    const call = client.read(as('admin'));
    const kinds: persistent.ReadResp.ContentCase[] = [];
    const id = await new Promise<shared.UUID | undefined>((resolve) => {
      call.on('data', (answer: persistent.ReadResp) => {
        kinds.push(answer.getContentCase());
        const event = answer.getEvent()?.getEvent();
        if (event) resolve(event.getId());
      });
      const options = new ReadReq.Options().setStreamIdentifier(wireStream('s')).setGroupName('group');
      call.write(new ReadReq().setOptions(options.setBufferSize(5)));
    });
    expect(id?.hasStructured()).toBe(true);
    const { EVENT, SUBSCRIPTION_CONFIRMATION } = persistent.ReadResp.ContentCase;
    expect(kinds).toEqual([SUBSCRIPTION_CONFIRMATION, EVENT]);
    call.write(new ReadReq().setAck(new ReadReq.Ack().setIdsList(id ? [id] : [])));
    await groups.until(
      () => info('s'),
      (seen) => seen?.getOutstandingMessagesCount() === 0,
    );
    call.on('error', () => {});
    call.cancel();
  });
});
