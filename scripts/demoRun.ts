import { LightboxCLI } from 'lightbox-runtime';

// Copied into the demo's project and started there: trains and tests as `npm run train` and
// `npm run test:model` do, in one process, and prints what came out as one line of JSON.
const { trainer, module, dataModule } = await new LightboxCLI({ run: false }).build();
const startSeconds = performance.now() / 1000;
const fit = await trainer.fit({ module, dataModule });
if (fit.exitCode !== 0) process.exit(fit.exitCode);
const ckptPath = fit.bestCheckpoint ?? fit.lastCheckpoint;
const test = await trainer.test({ module, dataModule, ckptPath });
const { secondsToFirstUpdate, trainSeconds, samplesPerSecond } = fit.timings;
const summary = {
  task: process.env['LIGHTBOX_DEMO_TASK'],
  backend: fit.backend.name,
  testAccuracy: test.metrics['test/acc'],
  updates: fit.counters.updates.completed,
  epochs: fit.counters.epochs.completed,
  trainSeconds: rounded(trainSeconds),
  samplesPerSecond: Math.round(samplesPerSecond),
  // From the start of the process, so that loading and compiling are in it.
  secondsToFirstUpdate: rounded(startSeconds + (secondsToFirstUpdate ?? Number.NaN)),
  peakMemoryMb: Math.round(process.resourceUsage().maxRSS / 1024),
  fallbackKernels: fit.engine.fallbacks,
};
process.stdout.write(`${JSON.stringify(summary)}\n`);

function rounded(seconds: number): number {
  return Number(seconds.toFixed(2));
}
