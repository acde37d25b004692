/**
 * The trainer and the bare loop in one process, asked by `suite.ts` over standard input. By hand:
 * `node --expose-gc --import tsx bench/trainer/worker.ts tiny +pause 5` prints five runs, for a profile.
 */
import { createInterface } from 'node:readline';
import { messageOf } from '../../runtime/dist/errors.js';
import { selectBackend } from '../../runtime/dist/engine/index.js';
import type { Request, Response } from '../step/peer.ts';
import { run, runInTurn } from './contestants.ts';
import type { Subject, WorkloadName } from './subjects.ts';

async function answer(request: Request): Promise<Response> {
  if (request.do === 'inTurn') {
    const [workload, subject] = request.variant.split('/');
    global.gc?.();
    return { ms: await runInTurn(workload as WorkloadName, subject as Subject) };
  }
  if (request.do !== 'run') throw new Error(`no such request: ${request.do}`);
  const [workload, subject] = (request.variant ?? '').split('/');
  global.gc?.();
  const { wall, cpu, typical, weights } = await run(workload as WorkloadName, subject as Subject);
  return { ms: [wall, cpu, typical], weights };
}

const [workload, subject, count] = process.argv.slice(2);
await selectBackend({ accelerator: 'ort', threads: 1 });
if (workload === undefined) {
  for await (const line of createInterface({ input: process.stdin })) {
    const response = await answer(JSON.parse(line) as Request).catch((error: unknown) => ({
      error: messageOf(error),
    }));
    process.stdout.write(`${JSON.stringify(response)}\n`);
  }
} else {
  for (let left = Number(count); left > 0; left--) {
    global.gc?.();
    const { wall, cpu } = await run(workload as WorkloadName, subject as Subject);
    process.stdout.write(
      `${(1000 * wall).toFixed(1)} us an update, ${(1000 * cpu).toFixed(1)} us computing\n`,
    );
  }
}
