import { ANALYTICS_PLANTS, AnalyticsSimulation, type AnalyticsPlant, type AnalyticsSeen } from './analytics-run.js';
import { INTAKE_PLANTS, runIntake, type IntakePlant, type IntakeSeen } from './intake-run.js';

/** ClickHouse is the price of a seed: only every so manyth is run through it as well, unless it is asked for. */
export const ANALYTICS_EACH = 10;

export const PLANTS = [...INTAKE_PLANTS, ...ANALYTICS_PLANTS] as const;
export type Plant = IntakePlant | AnalyticsPlant;

export const HALVES = ['intake', 'analytics'] as const;
export type Half = (typeof HALVES)[number];

export interface Asked {
  /** Then only the half that it is in is run. */
  plant?: Plant;
  /** This half alone, each seed. */
  half?: Half;
}

export interface Seen {
  intake?: IntakeSeen;
  analytics?: AnalyticsSeen;
}

/** Both halves of the projector's loop, Kafka → ledger and ledger → ClickHouse, seed by seed. One a process. */
export class Simulation {
  private analytics: Promise<AnalyticsSimulation> | undefined;

  /** @throws Error that tells the seed, what was broken, and the command that replays it */
  async run(seed: number, asked: Asked = {}): Promise<Seen> {
    const { plant } = asked;
    const half = plant === undefined ? asked.half : isOfIntake(plant) ? 'intake' : 'analytics';
    const seen: Seen = {};
    try {
      if (half !== 'analytics')
        seen.intake = await runIntake(
          seed,
          INTAKE_PLANTS.find((each) => each === plant),
        );
      if (half === 'analytics' || (half === undefined && seed % ANALYTICS_EACH === 0)) {
        const analytics = await (this.analytics ??= AnalyticsSimulation.open());
        seen.analytics = await analytics.run(
          seed,
          ANALYTICS_PLANTS.find((each) => each === plant),
        );
      }
      return seen;
    } catch (error) {
      throw new Error(`seed ${seed} (${commandOf(seed, asked)}): ${String(error)}`, { cause: error });
    }
  }

  async close(): Promise<void> {
    await (await this.analytics)?.close();
  }
}

function isOfIntake(plant: Plant): boolean {
  return INTAKE_PLANTS.some((each) => each === plant);
}

function commandOf(seed: number, { plant, half }: Asked): string {
  const flags = `${half === undefined ? '' : ` --half ${half}`}${plant === undefined ? '' : ` --plant '${plant}'`}`;
  return `npm run simulate -- --seed ${seed}${flags}`;
}
