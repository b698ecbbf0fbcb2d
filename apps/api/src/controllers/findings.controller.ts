import { Controller, Get, Req, Res } from '@nestjs/common';
import { Answers } from '../answers.js';
import type { FastifyReply, FastifyRequest } from '../fastify.js';

/** What is odd about tokens. */
@Controller()
export class FindingsController {
  constructor(private readonly answers: Answers) {}

  @Get('v1/findings')
  list(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answers.reply('findings', request, reply);
  }
}
