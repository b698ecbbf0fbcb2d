import { join } from 'node:path';
import { AnalyticsEngine } from '../engine.js';
import { placeOf, type ServerPlace } from '../place.js';
import { ClickHouseServer } from './server.js';

/** Set by specs that run others over HTTP. */
const OVER_HTTP = 'TALLY_SPEC_OVER_HTTP';

/** For specs of a whole: where to open the analytics of a directory; a server over it, if it is to be over HTTP. */
export class SpecServer {
  private constructor(private readonly server: ClickHouseServer | undefined) {}

  static async over(directory: string): Promise<SpecServer> {
    if (process.env[OVER_HTTP] === undefined) return new SpecServer(undefined);
    return new SpecServer(await ClickHouseServer.start({ path: join(directory, 'engine') }));
  }

  /** To be spread into the options of `Analytics.open`. */
  get at(): { server?: ServerPlace } {
    return this.server === undefined ? {} : { server: placeOf(this.server.url) };
  }

  async stop(): Promise<void> {
    await this.server?.close();
  }
}

/** For specs of parts: an engine over a directory, in this process or over HTTP. */
export async function engineForSpec(path: string): Promise<AnalyticsEngine> {
  const server = await SpecServer.over(path);
  const engine = await AnalyticsEngine.open(server.at.server ?? { path });
  const close = engine.close.bind(engine);
  engine.close = async () => {
    await close();
    await server.stop();
  };
  return engine;
}
