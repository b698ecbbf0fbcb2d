import { ANALYTICS_PLANTS, AnalyticsSimulation, type AnalyticsPlant, type AnalyticsSeen } from './analytics-run.js';
import { INTAKE_PLANTS, runIntake, type IntakePlant, type IntakeSeen } from './intake-run.js';

/** ClickHouse is the price of a seed: only every so manyth is run through it as well. */
export const ANALYTICS_EACH = 10;

export const PLANTS = [...INTAKE_PLANTS, ...ANALYTICS_PLANTS] as const;
export type Plant = IntakePlant | AnalyticsPlant;

export interface Seen {
  intake?: IntakeSeen;
  analytics?: AnalyticsSeen;
}

/** Both halves of the projector's loop, Kafka → ledger and ledger → ClickHouse, seed by seed. One a process. */
export class Simulation {
  private analytics: Promise<AnalyticsSimulation> | undefined;

  /**
   * With a plant only the half in which it is.
   * @throws Error that tells the seed, what was broken, and the command that replays it
   */
  async run(seed: number, plant?: Plant): Promise<Seen> {
    const seen: Seen = {};
    try {
      if (plant === undefined || isOfIntake(plant)) seen.intake = await runIntake(seed, plant);
      if (plant === undefined ? seed % ANALYTICS_EACH === 0 : !isOfIntake(plant)) {
        const analytics = await (this.analytics ??= AnalyticsSimulation.open());
        seen.analytics = await analytics.run(seed, plant === undefined || isOfIntake(plant) ? undefined : plant);
      }
      return seen;
    } catch (error) {
      throw new Error(`seed ${seed} (${commandOf(seed, plant)}): ${String(error)}`, { cause: error });
    }
  }

  async close(): Promise<void> {
    await (await this.analytics)?.close();
  }
}

function isOfIntake(plant: Plant): plant is IntakePlant {
  return INTAKE_PLANTS.some((each) => each === plant);
}

function commandOf(seed: number, plant: Plant | undefined): string {
  return `npm run simulate -- --seed ${seed}${plant === undefined ? '' : ` --plant '${plant}'`}`;
}
