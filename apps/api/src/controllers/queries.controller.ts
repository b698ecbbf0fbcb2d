import { Controller, Get, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import { Answers, queryOf } from '../answers.js';
import type { FastifyReply, FastifyRequest } from '../fastify.js';

/** What ClickHouse answers: named queries, and statements of one's own. */
@Controller()
export class QueriesController {
  constructor(private readonly answers: Answers) {}

  @Get('v1/queries')
  list(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answers.reply('query.list', request, reply);
  }

  @Get('v1/queries/run')
  run(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answers.reply('query.run', request, reply);
  }

  /** The same with the query's parameters as they are: `/v1/queries/use?step=hour&by=api`. */
  @Get('v1/queries/:name')
  named(@Param('name') name: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { cursor, limit, tenant, ...own } = queryOf(request);
    const question =
      cursor === undefined
        ? { name, ...(tenant !== undefined && { tenant }), params: JSON.stringify(own) }
        : { cursor };
    return this.answers.reply('query.run', request, reply, { ...question, ...(limit !== undefined && { limit }) });
  }

  @HttpCode(200)
  @Post('v1/sql')
  sql(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answers.reply('sql', request, reply);
  }
}
