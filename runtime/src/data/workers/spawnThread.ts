import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { UsageError } from '../../errors.ts';
import { planModules, type ThreadStart } from './assemblyPlan.ts';

// Not a file of its own: where TypeScript is run through tsx, a thread cannot even begin with a
// .ts file before tsx's hooks are there, and flags such as --import do not bring them in.
const beginning = `
const { workerData } = require('node:worker_threads');
(async () => {
  if (workerData.tsx !== undefined) (await import(workerData.tsx)).register();
  await (await import(workerData.main)).runThread(workerData.start);
})();
`;

/**
 * A thread that runs `runThread`. It inherits no command line flags: what those preload (the engine,
 * above all) is of no use to it.
 */
export function spawnThread(start: ThreadStart): Worker {
  const own = import.meta.url;
  const main = new URL(`./threadMain${own.endsWith('.ts') ? '.ts' : '.js'}`, own).href;
  const typescript = [main, ...planModules(start.plan)].find((url) => isTypeScript(url));
  const tsx = typescript === undefined ? undefined : findTsx(typescript);
  return new Worker(beginning, {
    eval: true,
    execArgv: [],
    workerData: { start, main, tsx },
    transferList: [start.port],
  });
}

function isTypeScript(url: string): boolean {
  return /\.[cm]?tsx?(\?|#|$)/.test(url);
}

/** URL of tsx's programming interface, as the module that needs it sees it. */
function findTsx(module: string): string {
  for (const from of [module, import.meta.url]) {
    try {
      const path = createRequire(from)
        .resolve('tsx/esm/api')
        .replace(/\.cjs$/, '.mjs');
      if (existsSync(path)) return pathToFileURL(path).href;
    } catch {
      continue;
    }
  }
  throw new UsageError(
    'ERR_DATA_WORKER',
    `A loader thread would have to run ${module}, which takes the package tsx. Install it (npm install --save-dev tsx), or set num_workers: 0.`,
  );
}
