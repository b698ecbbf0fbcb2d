import { Injectable, SetMetadata, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { sameBearer } from '#security';
import type { FastifyRequest } from './fastify.js';
import { Unauthorised } from './http/errors.js';

const OPEN = 'tally:open';

/** A path that answers without a bearer: it tells nothing of the ledger. */
export const Open = () => SetMetadata(OPEN, true);

@Injectable()
export class BearerGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly bearers: () => readonly string[],
  ) {}

  canActivate(context: ExecutionContext): boolean {
    if (this.reflector.get<boolean | undefined>(OPEN, context.getHandler()) === true) return true;
    const { authorization } = context.switchToHttp().getRequest<FastifyRequest>().headers;
    const presented = /^Bearer +([A-Za-z0-9._~+/=-]+)$/i.exec(authorization ?? '')?.[1];
    // Each is compared to its end: the time does not tell which of them it was.
    const matches = presented === undefined ? [] : this.bearers().filter((each) => sameBearer(presented, each));
    if (matches.length === 0) throw new Unauthorised();
    return true;
  }
}
