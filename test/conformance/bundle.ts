import path from 'node:path';
import { build } from 'esbuild';

/**
 * Bundles tfjs's tests, tfjs and the back end into one module. The tests import internals of
 * tfjs by relative paths: only in a bundle do they and the back end share one instance of it.
 *
 * @returns the file of the bundle, below node_modules, where native packages are found
 */
export async function bundleSuite(): Promise<string> {
  const here = import.meta.dirname;
  const root = path.resolve(here, '../..');
  const outfile = path.join(root, 'node_modules/.cache/lightbox/conformance/suite.mjs');
  await build({
    entryPoints: [path.join(here, 'suite.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    // The modules of packages, not their builds for Node: those hold a second tfjs-core, in ES5.
    mainFields: ['module', 'main'],
    // tfjs-core's list of files with side effects leaves out its tests.
    ignoreAnnotations: true,
    external: ['onnxruntime-node', 'onnxruntime-common', 'node-fetch'],
    banner: { js: commonJsNames },
    logLevel: 'error',
  });
  return outfile;
}

/** What CommonJS files inside the bundle expect to find. */
const commonJsNames = `import { createRequire as requireFrom } from 'node:module';
const require = requireFrom(import.meta.url);
const __filename = import.meta.filename;
const __dirname = import.meta.dirname;`;
