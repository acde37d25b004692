/** What a run is doing. Sanity checks are a stage of their own: loggers ignore it. */
export type Stage = 'train' | 'sanity' | 'validate' | 'test' | 'predict';

/** The command that a trainer was given. */
export type RunKind = 'fit' | 'validate' | 'test' | 'predict';

/** What metric names of a stage begin with: `val/loss`. */
export const metricPrefix: Record<Stage, string> = {
  train: 'train',
  sanity: 'sanity',
  validate: 'val',
  test: 'test',
  predict: 'predict',
};
