import { Controller, Get, HttpCode, Post, Req, Res } from '@nestjs/common';
import { Answers } from '../answers.js';
import type { FastifyReply, FastifyRequest } from '../fastify.js';

/** Refused records: what was wrong with each, and another try. */
@Controller()
export class DeadLettersController {
  constructor(private readonly answers: Answers) {}

  @Get('v1/dead-letters')
  list(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answers.reply('deadletters.list', request, reply);
  }

  @Get('v1/dead-letters/show')
  show(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answers.reply('deadletters.show', request, reply);
  }

  @HttpCode(200)
  @Post('v1/dead-letters/redrive')
  redrive(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answers.reply('deadletters.redrive', request, reply);
  }
}
