import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const HERE = dirname(fileURLToPath(import.meta.url));
const POM = join(HERE, 'pom.xml');

/** The version that `pom.xml` names; `TALLY_KAFKA_VERSION` is another lane. */
export const KAFKA_VERSION =
  process.env.TALLY_KAFKA_VERSION ?? /<kafka\.version>([^<]+)</.exec(readFileSync(POM, 'utf8'))[1];

/** What a broker needs of the machine and does not find. */
export class ToolMissing extends Error {
  constructor(tool, cause) {
    super(`${tool} was not found. A Kafka broker needs Java 17 and Maven: apt-get install default-jdk-headless maven`, {
      cause,
    });
    this.name = 'ToolMissing';
  }
}

/** Runs a program to its end; its last lines of output are in the error where it fails. */
export async function runTool(tool, args, options = {}) {
  try {
    return (await run(tool, args, { maxBuffer: 16 * 1024 * 1024, ...options })).stdout;
  } catch (error) {
    if (error.code === 'ENOENT') throw new ToolMissing(tool, error);
    const said = `${error.stdout ?? ''}${error.stderr ?? ''}`.trim().split('\n').slice(-15).join('\n');
    throw new Error(`${tool} failed:\n${said}`, { cause: error });
  }
}

/**
 * The folder with the broker's jars; Maven fetches them once. Several processes may ask at the same time: each fetches
 * into a folder of its own, and the first rename counts.
 */
export async function kafkaJars() {
  const cache = resolve(HERE, '../../node_modules/.cache/tallystick');
  const jars = join(cache, `kafka-${KAFKA_VERSION}`);
  if (existsSync(jars)) return jars;
  mkdirSync(cache, { recursive: true });
  const draft = `${jars}.${process.pid}.${Date.now()}`;
  try {
    const goal = ['dependency:copy-dependencies', `-DoutputDirectory=${draft}`, `-Dkafka.version=${KAFKA_VERSION}`];
    await runTool('mvn', ['-q', '-B', '-f', POM, ...goal], { timeout: 300_000 });
    renameSync(draft, jars);
  } catch (error) {
    if (!existsSync(jars)) throw error;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return jars;
}
