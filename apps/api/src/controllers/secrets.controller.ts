import { Controller, Get, HttpCode, Post, Req, Res } from '@nestjs/common';
import { Answers } from '../answers.js';
import type { FastifyReply, FastifyRequest } from '../fastify.js';

/** Versions of naming secrets. The secrets themselves are asked for at their files alone. */
@Controller()
export class SecretsController {
  constructor(private readonly answers: Answers) {}

  @Get('v1/secrets')
  list(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answers.reply('secrets.list', request, reply);
  }

  @HttpCode(200)
  @Post('v1/secrets/rotate')
  rotate(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answers.reply('secrets.rotate', request, reply);
  }

  @HttpCode(200)
  @Post('v1/secrets/retire')
  retire(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answers.reply('secrets.retire', request, reply);
  }
}
