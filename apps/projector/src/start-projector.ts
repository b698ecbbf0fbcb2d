import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { systemClock, type Clock, type Hop, type Log } from '#platform';
import { BackgroundFollower } from '../../api/src/background-follower.js';
import { LocalTally } from '../../api/src/tally/local-tally.js';
import { NothingToDo } from './errors.js';
import { HealthModule } from './health.module.js';
import { openIntakeOnly } from './intake-only.js';
import type { KafkaOptions, RunningRole } from './intake-role.js';
import { ProjectorMetrics } from './metrics.js';
import { startIntakeOver } from './projector.js';
import type { Role } from './roles.js';

export interface ProjectorOptions {
  roles: ReadonlySet<Role>;
  data: string;
  keys?: string;
  purpose: string;
  log: Log;
  plaintext: ReadonlySet<Hop>;
  /** Needed by the role `intake`. */
  kafka?: KafkaOptions;
  /** Default: the embedded ledger of the data directory; then all roles are in this process. */
  eventstore?: string;
  clickhouse?: string;
  /** Where health and metrics are answered; 0: the system chooses. Off loopback they are in plain text, as scrapers expect. */
  health: { host: string; port: number };
  clock?: Clock;
}

export interface RunningProjector {
  /** Where health and metrics are. */
  url: string;
  /** Rejects when a role ended by itself for good: the process should end with an error, and be started again. */
  ended: Promise<void>;
  vitals(): ReturnType<RunningRole['vitals']> | undefined;
  close(): Promise<void>;
}

/** Without a fetch for so long a consumer does not get on, in ms. */
const STUCK_MS = 120_000;

/**
 * Runs the roles that were asked for. @throws NothingToDo, and what opening the engines throws
 */
export async function startProjector(options: ProjectorOptions): Promise<RunningProjector> {
  const { roles, kafka } = options;
  if (roles.size === 0) throw new NothingToDo('no role is named');
  if (roles.has('intake') && kafka === undefined) throw new NothingToDo('the role intake needs --kafka');
  const work = await startRoles(options);
  const { role } = work;
  const metrics = new ProjectorMetrics(() => role);
  const stuck = (): string | undefined => {
    const since = role?.vitals().sinceProgress ?? 0;
    return since > STUCK_MS ? `nothing was fetched for ${Math.round(since / 1000)} s` : undefined;
  };
  const app = await NestFactory.create<NestFastifyApplication>(
    HealthModule.over({ stuck, metrics }),
    new FastifyAdapter(),
    { logger: false, abortOnError: false },
  );
  try {
    await app.listen(options.health.port, options.health.host);
  } catch (error) {
    await app.close();
    await work.close();
    throw error;
  }
  return {
    url: await app.getUrl(),
    ended: role?.ended ?? new Promise(() => undefined),
    vitals: () => role?.vitals(),
    close: async () => {
      await app.close();
      await work.close();
    },
  };
}

async function startRoles(options: ProjectorOptions): Promise<{ role?: RunningRole; close(): Promise<void> }> {
  const { roles, data, purpose, log, plaintext, kafka, keys, eventstore, clickhouse, clock = systemClock } = options;
  const shared = keys === undefined ? {} : { keys };
  if (eventstore !== undefined && kafka !== undefined && roles.size === 1 && roles.has('intake')) {
    const role = await openIntakeOnly({ data, ...shared, eventstore, kafka, plaintext, purpose, clock, log });
    return { role, close: () => role.close() };
  }
  const tally = await LocalTally.open(data, {
    access: 'write',
    purpose,
    clock,
    plaintext,
    fills: roles.has('analytics'),
    ...shared,
    ...(eventstore !== undefined && { eventstore }),
    ...(clickhouse !== undefined && { clickhouse }),
  });
  try {
    const role = roles.has('intake') && kafka !== undefined ? await startIntakeOver(tally, kafka, log) : undefined;
    const follower = new BackgroundFollower(tally, log, {
      findings: roles.has('findings'),
      analytics: roles.has('analytics'),
    });
    return {
      ...(role !== undefined && { role }),
      close: async () => {
        await role?.close();
        await follower.stop();
        await tally.close();
      },
    };
  } catch (error) {
    await tally.close();
    throw error;
  }
}
