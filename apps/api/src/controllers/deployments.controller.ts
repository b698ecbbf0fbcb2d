import { Controller, Get, HttpCode, Post, Req, Res } from '@nestjs/common';
import { Answers } from '../answers.js';
import type { FastifyReply, FastifyRequest } from '../fastify.js';

/** Which version was active where, and what it accepts. */
@Controller()
export class DeploymentsController {
  constructor(private readonly answers: Answers) {}

  @Get('v1/deployments')
  list(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answers.reply('deployment.list', request, reply);
  }

  @Get('v1/deployments/show')
  show(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answers.reply('deployment.show', request, reply);
  }

  @Get('v1/deployments/matrix')
  matrix(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answers.reply('deployment.matrix', request, reply);
  }

  @HttpCode(200)
  @Post('v1/deployments/declare')
  declare(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answers.reply('deployment.declare', request, reply);
  }

  @HttpCode(200)
  @Post('v1/deployments/activate')
  activate(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answers.reply('deployment.activate', request, reply);
  }

  @HttpCode(200)
  @Post('v1/deployments/deactivate')
  deactivate(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answers.reply('deployment.deactivate', request, reply);
  }
}
