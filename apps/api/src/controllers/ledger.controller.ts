import { Controller, Get, HttpCode, Post, Req, Res } from '@nestjs/common';
import { Answers } from '../answers.js';
import type { FastifyReply, FastifyRequest } from '../fastify.js';

/** The whole ledger: how far it is, as CloudEvents, and as a copy. */
@Controller()
export class LedgerController {
  constructor(private readonly answers: Answers) {}

  @Get('v1/status')
  status(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answers.reply('status', request, reply);
  }

  @Get('v1/export')
  export(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answers.reply('export', request, reply);
  }

  @HttpCode(200)
  @Post('v1/backup')
  backup(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answers.reply('backup', request, reply);
  }
}
