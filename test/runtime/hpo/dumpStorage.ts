import { distributionToJson } from '../../../runtime/src/hpo/distributionJson.ts';
import type { Storage } from '../../../runtime/src/hpo/index.ts';

/** All studies and trials in the form that `fixtures/optuna_journal.py dump` prints. */
export async function dumpStorage(storage: Storage): Promise<unknown> {
  const studies = await storage.studies();
  return Promise.all(
    studies.map(async (study) => ({
      ...study,
      userAttrs: plain(study.userAttrs),
      systemAttrs: plain(study.systemAttrs),
      trials: (await storage.trials(study.id)).map((trial) => ({
        id: trial.id,
        number: trial.number,
        state: trial.state,
        values: plain(trial.values),
        params: plain(trial.params),
        distributions: Object.fromEntries(
          Object.entries(trial.distributions).map(([name, distribution]) => [
            name,
            distributionToJson(distribution),
          ]),
        ),
        userAttrs: plain(trial.userAttrs),
        systemAttrs: plain(trial.systemAttrs),
        intermediateValues: [...trial.intermediateValues].map(([step, value]) => [
          step,
          plain(value),
        ]),
      })),
    })),
  );
}

/** Python's names of the numbers that JSON cannot hold. */
function plain(value: unknown): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf';
  }
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}
