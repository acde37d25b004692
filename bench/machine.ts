import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';

/** The facts about this machine that every report begins with. */
export function machineFacts(): Record<string, string | number> {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    threads: availableParallelism(),
    memoryGb: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform}-${process.arch}`,
    node: process.versions.node,
    loadAtStart: Number(loadavg()[0].toFixed(2)),
  };
}
