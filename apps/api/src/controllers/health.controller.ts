import { Controller, Get, Inject, Res } from '@nestjs/common';
import { toldError } from '../told-error.js';
import { Open } from '../bearer.guard.js';
import type { FastifyReply } from '../fastify.js';
import { Metrics } from '../metrics.js';
import { VITALS, type Vitals } from '../vitals.js';

/** For whoever restarts, routes and watches. */
@Controller()
export class HealthController {
  constructor(
    @Inject(VITALS) private readonly vitals: Vitals,
    private readonly metrics: Metrics,
  ) {}

  @Open()
  @Get('healthz')
  async live(@Res() reply: FastifyReply): Promise<void> {
    await reply.send({ status: 'live' });
  }

  /** Ready is who could take an event in now. */
  @Open()
  @Get('readyz')
  async ready(@Res() reply: FastifyReply): Promise<void> {
    try {
      await this.vitals.checkWritable();
    } catch (error) {
      await reply.status(503).send({ status: 'not ready', code: toldError(error).code });
      return;
    }
    await reply.send({ status: 'ready' });
  }

  @Get('metrics')
  async scrape(@Res() reply: FastifyReply): Promise<void> {
    const { registry } = this.metrics;
    await reply.type(registry.contentType).send(await registry.metrics());
  }
}
