import { Controller, Get, HttpCode, Post, Req, Res } from '@nestjs/common';
import { Answers } from '../answers.js';
import type { FastifyReply, FastifyRequest } from '../fastify.js';

/** ClickHouse beside the ledger: how far it is, and what makes it right again. */
@Controller()
export class AnalyticsController {
  constructor(private readonly answers: Answers) {}

  @Get('v1/analytics')
  status(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answers.reply('analytics.status', request, reply);
  }

  @HttpCode(200)
  @Post('v1/analytics/migrate')
  migrate(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answers.reply('analytics.migrate', request, reply);
  }

  @HttpCode(200)
  @Post('v1/analytics/catch-up')
  catchUp(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answers.reply('analytics.catch-up', request, reply);
  }

  @HttpCode(200)
  @Post('v1/analytics/rebuild')
  rebuild(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answers.reply('analytics.rebuild', request, reply);
  }

  @HttpCode(200)
  @Post('v1/fsck')
  fsck(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answers.reply('fsck', request, reply);
  }
}
