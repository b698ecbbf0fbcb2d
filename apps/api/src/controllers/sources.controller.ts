import { Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import { Answers } from '../answers.js';
import type { FastifyReply, FastifyRequest } from '../fastify.js';

/** Sources that turned out to be wrong. */
@Controller()
export class SourcesController {
  constructor(private readonly answers: Answers) {}

  @HttpCode(200)
  @Post('v1/sources/distrust')
  distrust(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answers.reply('source.distrust', request, reply);
  }
}
