import { Module, type DynamicModule } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, Reflector } from '@nestjs/core';
import type { Log } from '#platform';
import { Answers } from './answers.js';
import { BearerGuard } from './bearer.guard.js';
import { AnalyticsController } from './controllers/analytics.controller.js';
import { DeadLettersController } from './controllers/dead-letters.controller.js';
import { DeploymentsController } from './controllers/deployments.controller.js';
import { EventsController } from './controllers/events.controller.js';
import { FindingsController } from './controllers/findings.controller.js';
import { HealthController } from './controllers/health.controller.js';
import { LedgerController } from './controllers/ledger.controller.js';
import { QueriesController } from './controllers/queries.controller.js';
import { RollbacksController } from './controllers/rollbacks.controller.js';
import { SecretsController } from './controllers/secrets.controller.js';
import { SettingsController } from './controllers/settings.controller.js';
import { SourcesController } from './controllers/sources.controller.js';
import { StateController } from './controllers/state.controller.js';
import { SubjectsController } from './controllers/subjects.controller.js';
import { TokensController } from './controllers/tokens.controller.js';
import { ErrorFilter } from './error.filter.js';
import { Turnstile } from './http/turnstile.js';
import { Intake } from './intake.js';
import { Metrics } from './metrics.js';
import type { Tally } from './tally/questions.js';
import { VITALS, type Vitals } from './vitals.js';

export interface ApiParts {
  tally: Tally;
  vitals: Vitals;
  metrics: Metrics;
  turnstile: Turnstile;
  bearers: () => readonly string[];
  log: Log;
}

@Module({})
export class ApiModule {
  static over({ tally, vitals, metrics, turnstile, bearers, log }: ApiParts): DynamicModule {
    return {
      module: ApiModule,
      controllers: [
        TokensController,
        StateController,
        FindingsController,
        DeploymentsController,
        RollbacksController,
        SettingsController,
        DeadLettersController,
        SecretsController,
        SubjectsController,
        SourcesController,
        LedgerController,
        AnalyticsController,
        QueriesController,
        EventsController,
        HealthController,
      ],
      providers: [
        { provide: Answers, useValue: new Answers(tally, log) },
        { provide: Intake, useValue: new Intake(tally) },
        { provide: Turnstile, useValue: turnstile },
        { provide: Metrics, useValue: metrics },
        { provide: VITALS, useValue: vitals },
        {
          provide: APP_GUARD,
          useFactory: (reflector: Reflector) => new BearerGuard(reflector, bearers),
          inject: [Reflector],
        },
        { provide: APP_FILTER, useFactory: (answers: Answers) => new ErrorFilter(answers), inject: [Answers] },
      ],
    };
  }
}
