import { Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import { Answers } from '../answers.js';
import type { FastifyReply, FastifyRequest } from '../fastify.js';

/** What a rollback must do, token by token. Planning carries nothing out. */
@Controller()
export class RollbacksController {
  constructor(private readonly answers: Answers) {}

  @HttpCode(200)
  @Post('v1/rollbacks/plan')
  plan(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answers.reply('rollback.plan', request, reply);
  }
}
