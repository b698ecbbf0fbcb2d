/** Lanes that need more than Node, such as a Kafka broker (Java, Maven) or Docker's own parsers (Go): `npm run test:all` runs them too. */
const allLanes = process.env.TALLY_LANES === 'all';

/** Unit, property, engine (*.int.spec) and end-to-end (*.e2e.spec) tests need Node alone. */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/apps', '<rootDir>/libs', '<rootDir>/bench', '<rootDir>/infra'],
  testMatch: ['**/*.spec.ts'],
  testPathIgnorePatterns: ['/node_modules/', ...(allLanes ? [] : ['\\.(kafka|lane)\\.spec\\.ts$'])],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    '^#([a-z]+)$': '<rootDir>/libs/$1/src/index.ts',
  },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
        },
        module: { type: 'es6' },
      },
    ],
  },
  setupFiles: ['reflect-metadata'],
  testTimeout: 120000,
  // An engine that a failed test left open would keep the run from ending.
  forceExit: true,
};
