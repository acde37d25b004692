// The environment lets onnxruntime see the typed arrays that tests make; types are checked by
// `npm run check`, here they are only stripped.
export default {
  testEnvironment: 'lightbox-runtime/jest-environment',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  testTimeout: 60_000,
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2023', parser: { syntax: 'typescript' } }, module: { type: 'es6' } },
    ],
  },
};
