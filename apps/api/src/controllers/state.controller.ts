import { Controller, Get, Req, Res } from '@nestjs/common';
import { Answers } from '../answers.js';
import type { FastifyReply, FastifyRequest } from '../fastify.js';

/** The state of every token as of a time or a version. */
@Controller()
export class StateController {
  constructor(private readonly answers: Answers) {}

  @Get('v1/state')
  list(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answers.reply('state', request, reply);
  }
}
