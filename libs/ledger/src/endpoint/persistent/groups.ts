import type { StoredEvent, StreamChange } from '../embedded-store.js';
import type { CallRefused } from '../refusals.js';
import type { ServerCore } from '../server-core.js';
import { ConfigStream } from './config-stream.js';
import { Group } from './group.js';
import { ALL, type FilterText, type GroupConfig, keyOf, type StartFrom } from './group-config.js';
import { groupExists, groupFailed, groupMissing } from './group-refusals.js';
import { LiveFeed } from './live-feed.js';
import { faultOf, type GroupSettings } from './settings.js';
import { isStrategyName } from './strategies/strategy.js';

/** What a client asks for when it makes or changes a group. */
export interface GroupRequest {
  stream: string;
  group: string;
  filter?: FilterText | undefined;
  settings: Omit<GroupSettings, 'strategy'> & { strategy: string };
  startFrom: StartFrom;
  /** Why it cannot be, if the request itself says so. */
  fault?: string | undefined;
}

export interface GroupsOptions {
  /** Milliseconds that never step back. */
  clock?: () => number;
  /** Looks for overdue messages and due checkpoints again and again, until the answer is called; every second. */
  repeat?: (look: () => void) => () => void;
}

function everySecond(look: () => void): () => void {
  const timer = setInterval(look, 1000).unref();
  return () => clearInterval(timer);
}

/** All groups of a ledger. They follow what is appended, in this process, from their own checkpoints on. */
export class Groups {
  readonly #config: ConfigStream;
  readonly #clock: () => number;
  readonly #groups = new Map<string, Group>();
  readonly #endLooking: () => void;
  #feed: LiveFeed | undefined;
  #turn: Promise<void> = Promise.resolve();

  constructor(
    private readonly core: ServerCore,
    { clock = () => performance.now(), repeat = everySecond }: GroupsOptions = {},
  ) {
    this.#clock = clock;
    this.#config = new ConfigStream(core);
    this.#load();
    this.#endLooking = repeat(() => this.#tick());
  }

  /** @throws CallRefused if there is none */
  find(stream: string, group: string): Group {
    const found = this.#groups.get(keyOf(stream, group));
    if (!found) throw groupMissing(stream, group);
    return found;
  }

  /** All, or those on one stream. @throws CallRefused if there is none on that stream */
  list(stream?: string): Group[] {
    const found = [...this.#groups.values()].filter(({ config }) => stream === undefined || config.stream === stream);
    if (stream !== undefined && found.length === 0) throw groupMissing(stream, '');
    return found;
  }

  /** @throws CallRefused if there is one, or it cannot be as asked for */
  create(request: GroupRequest, by: string): Promise<void> {
    return this.#inTurn(async () => {
      const { stream, group } = request;
      const config = this.#configOf(request);
      if (this.#groups.has(keyOf(stream, group))) throw groupExists(stream, group);
      this.#assertWorks(config);
      const made = this.#start(config);
      try {
        await this.#save(by);
      } catch (error) {
        this.#groups.delete(made.key);
        await made.stop();
        throw error;
      }
    });
  }

  /** Its subscribers are dropped; its checkpoint, its filter and what is parked stay. @throws CallRefused */
  update(request: GroupRequest, by: string): Promise<void> {
    return this.#inTurn(async () => {
      const before = this.find(request.stream, request.group);
      const config = this.#configOf(request);
      if (before.config.filter) config.filter = before.config.filter;
      // From the end still means from where it began: what nobody acknowledged yet must not be lost.
      if (config.startFrom.place < 0n && before.config.startFrom.place < 0n) config.since = before.config.since;
      this.#assertWorks(config);
      await before.stop();
      this.#start(config);
      await this.#save(by);
    });
  }

  /** Its subscribers are dropped, and its streams deleted. @throws CallRefused if there is none */
  delete(stream: string, name: string, by: string): Promise<void> {
    return this.#inTurn(async () => {
      const group = this.find(stream, name);
      this.#groups.delete(group.key);
      await group.stop();
      await this.#save(by, group.removal());
    });
  }

  /** Drops every subscriber and begins anew from what is on disk. */
  restart(): Promise<void> {
    return this.#inTurn(async () => {
      const before = [...this.#groups.values()];
      this.#groups.clear();
      await Promise.all(before.map((group) => group.stop()));
      this.#load();
    });
  }

  /** @param why what the subscribers are told */
  async close(why: CallRefused): Promise<void> {
    this.#endLooking();
    this.#feed?.stop();
    await Promise.all([...this.#groups.values()].map((group) => group.stop(why)));
    this.#groups.clear();
  }

  #tick(): void {
    for (const group of this.#groups.values()) group.tick();
  }

  #load(): void {
    for (const config of this.#config.read()) this.#start(config);
  }

  #start(config: GroupConfig): Group {
    // Before the group looks where its source ends, or an event could fall between the two.
    this.#feed ??= new LiveFeed(this.core, (events) => this.#appended(events));
    const group = new Group(this.core, config, this.#clock);
    this.#groups.set(group.key, group);
    return group;
  }

  #appended(events: readonly StoredEvent[]): void {
    for (const group of this.#groups.values()) group.appended(events);
  }

  #save(by: string, together: readonly StreamChange[] = []): Promise<void> {
    const configs = [...this.#groups.values()].map(({ config }) => config);
    return this.#config.write(configs, by, together);
  }

  /** Changes of groups one after another: each waits for the disk in between. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  #configOf({ stream, group, filter, settings, startFrom, fault }: GroupRequest): GroupConfig {
    if (fault !== undefined) throw groupFailed(stream, group, fault);
    const { strategy } = settings;
    if (!isStrategyName(strategy)) {
      throw groupFailed(stream, group, `Consumer strategy ${strategy} does not exist.`);
    }
    const { ledger } = this.core;
    if (stream === ALL && startFrom.place > BigInt(ledger.head)) throw groupFailed(stream, group, BEHIND_THE_END);
    const since = BigInt(stream === ALL ? ledger.head : ledger.lastRevision(stream));
    const config: GroupConfig = { stream, group, settings: { ...settings, strategy }, startFrom, since };
    if (filter) config.filter = filter;
    return config;
  }

  #assertWorks({ stream, group, settings }: GroupConfig): void {
    const fault = faultOf(settings);
    if (fault !== undefined) throw groupFailed(stream, group, fault);
  }
}

const BEHIND_THE_END =
  'Invalid Start From position: commit position must be less than or equal to the last commit position in the transaction file.';
