import { Controller, Get, HttpCode, Post, Req, Res } from '@nestjs/common';
import { Answers } from '../answers.js';
import type { FastifyReply, FastifyRequest } from '../fastify.js';

/** Source profiles and thresholds, recorded as facts. */
@Controller()
export class SettingsController {
  constructor(private readonly answers: Answers) {}

  @Get('v1/settings')
  show(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answers.reply('settings.show', request, reply);
  }

  @HttpCode(200)
  @Post('v1/settings/check')
  check(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answers.reply('settings.check', request, reply);
  }

  @HttpCode(200)
  @Post('v1/settings')
  declare(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answers.reply('settings.declare', request, reply);
  }
}
