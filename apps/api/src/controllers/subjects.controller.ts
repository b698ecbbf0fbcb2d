import { Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import { Answers } from '../answers.js';
import type { FastifyReply, FastifyRequest } from '../fastify.js';

/** A person's right to be forgotten. */
@Controller()
export class SubjectsController {
  constructor(private readonly answers: Answers) {}

  @HttpCode(200)
  @Post('v1/subjects/erase')
  erase(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answers.reply('subject.erase', request, reply);
  }
}
