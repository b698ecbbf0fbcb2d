import { Injectable } from '@nestjs/common';
import type { Tally } from './tally/questions.js';

/** The tally that inputs go to; a class, so that Nest can tell it from other things. */
@Injectable()
export class Intake {
  constructor(readonly tally: Tally) {}
}
