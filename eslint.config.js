import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/**
 * Imports point one way (docs/tour.md): apps → {intake, ledger, analytics, security} → {lifecycle, deployments, sources}.
 * `sources` and `deployments` may use the words of `lifecycle`; `platform` is for apps and the libs that do I/O.
 */
const MAY_IMPORT = {
  lifecycle: [],
  deployments: ['lifecycle'],
  sources: ['lifecycle'],
  platform: [],
  ledger: ['lifecycle', 'deployments', 'platform'],
  security: ['lifecycle', 'platform'],
  intake: ['lifecycle', 'sources', 'ledger', 'security', 'platform'],
  analytics: ['lifecycle', 'deployments', 'ledger', 'platform'],
  // A package of its own, for gateways: it shares the words and the naming, and nothing that does I/O.
  'gateway-sdk': ['lifecycle'],
};
const PURE = ['lifecycle', 'deployments', 'sources'];
/** Read fixtures for the specs beside them; no product code imports them. */
const TEST_SUPPORT = ['**/testing.ts', '**/case-readings.ts'];
const LIBS = Object.keys(MAY_IMPORT);

const arrows = LIBS.map((lib) => ({
  files: [`libs/${lib}/src/**/*.ts`],
  ignores: ['**/*.spec.ts', '**/*.module.ts', ...TEST_SUPPORT],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          {
            group: LIBS.filter((other) => !MAY_IMPORT[lib].includes(other)).map((other) => `#${other}`),
            message: `libs/${lib} may import ${MAY_IMPORT[lib].map((l) => `#${l}`).join(', ') || 'no other lib'}.`,
          },
          {
            group: ['**/apps/**', '../../*/**', '../../../**/libs/**'],
            message: 'Libraries import libraries by their # name, and never an app.',
          },
          ...(PURE.includes(lib)
            ? [
                {
                  group: [
                    'node:*',
                    '!node:crypto',
                    '!node:buffer',
                    '!node:net',
                    '!node:url',
                    'better-sqlite3',
                    '@nestjs/*',
                  ],
                  message: 'Pure libraries do no I/O.',
                },
              ]
            : []),
          ...(lib === 'platform' || PURE.includes(lib)
            ? []
            : [{ group: ['@nestjs/*'], message: 'Nest stands in apps and in *.module.ts.' }]),
        ],
      },
    ],
  },
}));

const purity = {
  files: PURE.map((lib) => `libs/${lib}/src/**/*.ts`),
  ignores: ['**/*.spec.ts'],
  rules: {
    'no-restricted-syntax': [
      'error',
      {
        selector: "MemberExpression[object.name='Date'][property.name='now']",
        message: 'Pure libraries have no clock.',
      },
      { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: 'Pure libraries have no clock.' },
      {
        selector: "MemberExpression[object.name='Math'][property.name='random']",
        message: 'Pure libraries have no randomness.',
      },
      {
        selector: 'ImportSpecifier[imported.name=/^(randomBytes|randomUUID|randomInt)$/]',
        message: 'Pure libraries have no randomness.',
      },
    ],
  },
};

export default tseslint.config(
  { ignores: ['dist/**', 'libs/*/dist/**', 'node_modules/**', 'coverage/**'] },
  js.configs.recommended,
  ...tseslint.configs.recommended,
  {
    languageOptions: { globals: { process: 'readonly', console: 'readonly', URL: 'readonly' } },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'none' },
      ],
      '@typescript-eslint/consistent-type-imports': [
        'error',
        { prefer: 'type-imports', fixStyle: 'inline-type-imports' },
      ],
      'no-control-regex': 'off',
      'max-lines': ['error', { max: 450, skipBlankLines: true, skipComments: true }],
    },
  },
  { files: ['apps/**/*.ts'], rules: { '@typescript-eslint/consistent-type-imports': 'off' } },
  { files: ['**/*.spec.ts'], rules: { 'no-loss-of-precision': 'off' } },
  ...arrows,
  purity,
);
