// The direction in which parts may know each other; see docs/architecture.md.
const areas = {
  errors: '^runtime/src/errors\\.ts$',
  random: '^runtime/src/random/',
  engine: '^runtime/src/engine/',
  core: '^runtime/src/core/',
  middle: '^runtime/src/(data|checkpoint|loggers|callbacks|export)/',
  trainer: '^runtime/src/trainer/',
  config: '^runtime/src/config/',
  hpo: '^runtime/src/hpo/',
  tuning: '^runtime/src/tuning/',
  dashboard: '^runtime/src/dashboard/',
  cli: '^runtime/src/cli/',
  testing: '^runtime/src/testing/',
};

const only = (name, from, allowed) => ({
  name: `${name}-sees-only-lower-parts`,
  severity: 'error',
  from: { path: from },
  to: {
    path: '^runtime/src/',
    pathNot: [from, ...allowed.map((area) => areas[area])],
  },
});

const leaves = ['errors', 'random'];

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    only('errors', areas.errors, []),
    only('random', areas.random, ['errors']),
    only('engine', areas.engine, leaves),
    only('core', areas.core, [...leaves, 'engine']),
    only('data', '^runtime/src/data/', [...leaves, 'engine', 'core']),
    only('checkpoint', '^runtime/src/checkpoint/', [...leaves, 'engine', 'core']),
    only('loggers', '^runtime/src/loggers/', [...leaves, 'engine', 'core']),
    {
      name: 'callbacks-see-checkpoint-and-loggers-only',
      severity: 'error',
      from: { path: '^runtime/src/callbacks/' },
      to: {
        path: '^runtime/src/',
        pathNot: [
          '^runtime/src/(callbacks|checkpoint|loggers)/',
          areas.errors,
          areas.random,
          areas.engine,
          areas.core,
        ],
      },
    },
    only('trainer', areas.trainer, [...leaves, 'engine', 'core', 'middle']),
    only('config', areas.config, [...leaves, 'engine', 'core', 'middle', 'trainer']),
    only('hpo', areas.hpo, leaves),
    only('tuning', areas.tuning, [
      ...leaves,
      'engine',
      'core',
      'middle',
      'trainer',
      'config',
      'hpo',
    ]),
    {
      name: 'testing-does-not-see-cli',
      severity: 'error',
      from: { path: areas.testing },
      to: { path: areas.cli },
    },
    {
      name: 'nobody-sees-cli-but-itself',
      severity: 'error',
      from: { path: '^runtime/src/', pathNot: ['^runtime/src/cli/', '^runtime/src/index\\.ts$'] },
      to: { path: areas.cli },
    },
    {
      name: 'only-testing-sees-testing',
      severity: 'error',
      from: { path: '^runtime/src/', pathNot: areas.testing },
      to: { path: areas.testing },
    },
    {
      name: 'hpo-without-tensors',
      severity: 'error',
      from: { path: areas.hpo },
      to: { path: 'node_modules/(@tensorflow|onnxruntime)' },
    },
    {
      name: 'one-file-owns-onnxruntime',
      severity: 'error',
      from: { path: '^runtime/src/', pathNot: '^runtime/src/(engine/binding\\.ts|cli/)' },
      to: { path: 'node_modules/onnxruntime-node' },
    },
    {
      name: 'generators-do-not-see-the-runtime',
      severity: 'error',
      from: { path: '^generators/' },
      to: { path: '^runtime/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.test.json' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.json'],
      conditionNames: ['import', 'types', 'default'],
    },
  },
};
