import { Controller, Get, Inject, Module, Res, type DynamicModule } from '@nestjs/common';
import type { FastifyReply } from '../../api/src/fastify.js';
import type { ProjectorMetrics } from './metrics.js';

export interface Health {
  /** Why this process should be started again; undefined while it gets on. */
  stuck(): string | undefined;
  metrics: ProjectorMetrics;
}

const HEALTH = Symbol('health');

/** For whoever restarts and watches. It tells counts and lag, never a name, and so asks for no bearer. */
@Controller()
class HealthController {
  constructor(@Inject(HEALTH) private readonly health: Health) {}

  @Get('healthz')
  async live(@Res() reply: FastifyReply): Promise<void> {
    const why = this.health.stuck();
    if (why === undefined) await reply.send({ status: 'live' });
    else await reply.status(503).send({ status: 'stuck', why });
  }

  @Get('metrics')
  async scrape(@Res() reply: FastifyReply): Promise<void> {
    const { registry } = this.health.metrics;
    await reply.type(registry.contentType).send(await registry.metrics());
  }
}

@Module({})
export class HealthModule {
  static over(health: Health): DynamicModule {
    return {
      module: HealthModule,
      controllers: [HealthController],
      providers: [{ provide: HEALTH, useValue: health }],
    };
  }
}
