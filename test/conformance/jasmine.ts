import jasmineRequire from 'jasmine-core/lib/jasmine-core/jasmine.js';

/** What jasmine tells about a finished test. */
export interface SpecResult {
  readonly fullName: string;
  readonly status: 'passed' | 'failed' | 'pending' | 'excluded';
  readonly failedExpectations: readonly { readonly message: string }[];
}

/** The part of jasmine's environment that is used here. */
export interface JasmineEnvironment {
  configure(configuration: { random: boolean }): void;
  addReporter(reporter: { specDone(result: SpecResult): void }): void;
  execute(): Promise<unknown>;
}

interface JasmineRequire {
  readonly core: (required: JasmineRequire) => { getEnv(): JasmineEnvironment };
  readonly interface: (core: object, environment: JasmineEnvironment) => object;
}

const required = jasmineRequire as JasmineRequire;
const core = required.core(required);

/** Jasmine, whose functions tfjs's tests expect as globals: imported before those. */
export const environment: JasmineEnvironment = core.getEnv();

Object.assign(globalThis, { jasmine: core }, required.interface(core, environment));
