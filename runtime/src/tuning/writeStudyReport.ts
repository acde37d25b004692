import { mkdir } from 'node:fs/promises';
import type { Study } from '../hpo/study.ts';

/**
 * The report of a study that was searched in code, also of one with several objectives: what
 * `npm run hpo` writes for its searches.
 *
 * ```ts
 * await writeStudyReport(study, 'runs/hpo/front', { names: ['val/loss', 'latency'] });
 * ```
 *
 * @param folder where `report.md` and `report.html` go; created when it is not there
 * @param options `names`: what the objectives are called; default: `value`, or `value 0`, `value 1`
 * @returns the paths of the two files
 */
export async function writeStudyReport(
  study: Study,
  folder: string,
  options: { readonly names?: readonly string[] } = {},
): Promise<string[]> {
  // Trainings load this file too, and have no use for reports.
  const { writeReport } = await import('./studyReport.ts');
  await mkdir(folder, { recursive: true });
  const { directions, sampler, pruner, seed, storage } = study;
  const nameOf = (index: number): string => (directions.length === 1 ? 'value' : `value ${index}`);
  return writeReport(folder, {
    study: study.name,
    objectives: directions.map((direction, index) => ({
      name: options.names?.[index] ?? nameOf(index),
      direction,
    })),
    settings: [
      ['sampler', sampler.name],
      ['pruner', pruner.name],
      ['seed', String(seed)],
      ['storage', storage.location],
    ],
    trials: await study.trials(),
    commands: [],
  });
}
