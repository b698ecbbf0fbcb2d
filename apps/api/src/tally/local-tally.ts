import type { CatchUp } from '#analytics';
import { backUp } from './backup.js';
import { listDeadLetters, redriveDeadLetters, showDeadLetter } from './dead-letters.js';
import {
  deactivateDeployment,
  declareDeployment,
  listDeployments,
  showDeployment,
  showMatrix,
  stepDeployment,
} from './deployments.js';
import { AnalyticsLeftBehind, WrongUse } from './errors.js';
import { exportLedger } from './export.js';
import { listFindings } from './findings.js';
import { Frames } from './frames.js';
import { ingest } from './ingest.js';
import { planOf } from './plans.js';
import { catchUpAnalytics, migrateAnalytics, rebuildAnalytics, showAnalytics } from './analytics.js';
import { checkAnalytics } from './fsck.js';
import { hasNoAnalytics } from './analytics-access.js';
import { listQueries, runNamedQuery, runStatement } from './queries.js';
import {
  QUESTIONS,
  type Answer,
  type IngestAnswer,
  type IngestOptions,
  type Params,
  type QuestionName,
  type ReadParams,
  type Tally,
} from './questions.js';
import { listSecrets, retireSecrets, rotateSecrets } from './secrets.js';
import { applyRetention, checkSettings, declareSettings, showSettings } from './settings.js';
import { listState } from './state.js';
import { showStatus } from './status.js';
import { Stores, type OpenStores } from './stores.js';
import { distrustSource, eraseSubject } from './subjects.js';
import { checkTenant } from './tenants.js';
import { showToken, tokenHistory } from './tokens.js';

/** What a process makes from the ledger: all of it, unless others do. */
export interface Follows {
  findings?: boolean;
  analytics?: boolean;
}

type Answerers = {
  [Q in QuestionName]: (params: ReadParams<Q>, stores: Stores, frames: Frames) => Answer | Promise<Answer>;
};

const ANSWERERS: Answerers = {
  'token.show': showToken,
  'token.history': tokenHistory,
  state: (params, _stores, frames) => listState(params, frames),
  findings: listFindings,
  'deployment.list': (params, _stores, frames) => listDeployments(params, frames),
  'deployment.show': (params, _stores, frames) => showDeployment(params, frames),
  'deployment.matrix': (params, _stores, frames) => showMatrix(params, frames),
  'deployment.declare': declareDeployment,
  'deployment.activate': (params, stores) => stepDeployment('activated', params, stores),
  'deployment.deactivate': deactivateDeployment,
  'rollback.plan': (params, _stores, frames) => planOf(params, frames),
  'settings.show': (params, _stores, frames) => showSettings(params, frames),
  'settings.check': checkSettings,
  'settings.declare': declareSettings,
  'deadletters.list': listDeadLetters,
  'deadletters.show': showDeadLetter,
  'deadletters.redrive': redriveDeadLetters,
  'subject.erase': eraseSubject,
  'source.distrust': distrustSource,
  'secrets.list': listSecrets,
  'secrets.rotate': rotateSecrets,
  'secrets.retire': retireSecrets,
  export: exportLedger,
  backup: backUp,
  status: showStatus,
  'query.list': listQueries,
  'query.run': runNamedQuery,
  sql: runStatement,
  'analytics.status': (_params, stores) => showAnalytics(stores),
  'analytics.migrate': migrateAnalytics,
  'analytics.catch-up': (_params, stores) => catchUpAnalytics(stores),
  'analytics.rebuild': rebuildAnalytics,
  fsck: checkAnalytics,
};

/** The product over a data directory of its own: every question is answered by folding the ledger when it is asked. */
export class LocalTally implements Tally {
  private readonly frames: Frames;

  private constructor(
    readonly stores: Stores,
    private readonly threads: boolean,
  ) {
    this.frames = new Frames(stores, threads);
  }

  /** `threads`: read input, and fold long listings, on a core of its own (the built program; sources under a test transform cannot). */
  static async open(dataDir: string, options: OpenStores & { threads?: boolean }): Promise<LocalTally> {
    const stores = await Stores.open(dataDir, options);
    if (options.access === 'write') await applyRetention(stores);
    return new LocalTally(stores, options.threads ?? false);
  }

  async ask<Q extends QuestionName>(question: Q, params: Params<Q>): Promise<Answer> {
    const parsed = QUESTIONS[question].params.safeParse(params);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw new WrongUse(issue?.path.join('.') || question, issue?.message ?? 'cannot be read');
    }
    if ('tenant' in parsed.data) await checkTenant(question, parsed.data.tenant, this.stores);
    const answer = ANSWERERS[question] as Answerers[Q];
    return answer(parsed.data as ReadParams<Q>, this.stores, this.frames);
  }

  ingest(
    input: AsyncIterable<Uint8Array>,
    options: IngestOptions,
    onProgress?: (report: IngestAnswer) => void,
  ): Promise<IngestAnswer> {
    return ingest(input, options, this.stores, this.threads, onProgress);
  }

  /**
   * Brings what is made from the ledger up to its head: findings, then ClickHouse. What is durable does not depend on it; a process
   * that ends without it leaves the rest to the next one.
   */
  async settle({ findings = true, analytics: tables = true, ...options }: CatchUp & Follows = {}): Promise<void> {
    if (findings) await this.stores.follower?.catchUp(options);
    if (!tables) return;
    try {
      const analytics = await this.stores.analytics.open();
      await analytics.catchUp(options);
    } catch (error) {
      if (!hasNoAnalytics(error)) throw new AnalyticsLeftBehind(error);
    }
  }

  /** Destroys the keys that are past their retention; gives their number. */
  applyRetention(): Promise<number> {
    return applyRetention(this.stores);
  }

  close(): Promise<void> {
    return this.stores.close();
  }
}
