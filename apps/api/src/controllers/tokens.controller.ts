import { Controller, Get, Req, Res } from '@nestjs/common';
import { Answers } from '../answers.js';
import type { FastifyReply, FastifyRequest } from '../fastify.js';

/** A token by name, by jti and issuer, or by the SHA-256 of it: never by the token itself. */
@Controller()
export class TokensController {
  constructor(private readonly answers: Answers) {}

  @Get('v1/tokens')
  show(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answers.reply('token.show', request, reply);
  }

  @Get('v1/tokens/history')
  history(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answers.reply('token.history', request, reply);
  }
}
