// ESM and TypeScript by swc (types are checked by `npm run check`); the
// environment shares typed arrays with onnxruntime's native binding.
const base = {
  extensionsToTreatAsEsm: ['.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2023', parser: { syntax: 'typescript' } }, module: { type: 'es6' } },
    ],
  },
};

const project = (displayName, environment) => ({
  ...base,
  displayName,
  testEnvironment: environment,
  testMatch: [`<rootDir>/test/${displayName}/**/*.test.ts`],
});

const sharedRealm = '<rootDir>/runtime/dist/testing/jestEnvironment.js';

export default {
  testTimeout: 60_000,
  projects: [
    project('runtime', sharedRealm),
    project('generators', 'node'),
    project('types', 'node'),
    project('templates', 'node'),
    project('interop', sharedRealm),
    project('e2e', 'node'),
  ],
};
