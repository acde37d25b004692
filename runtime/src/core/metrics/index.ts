export { AUROC } from './auroc.ts';
export { Accuracy, F1Score, Precision, Recall } from './classScores.ts';
export { ConfusionMatrix } from './confusionMatrix.ts';
export { MeanMetric } from './mean.ts';
export { Metric, type MetricResult } from './metric.ts';
export { Perplexity } from './perplexity.ts';
export {
  MeanAbsoluteError,
  MeanSquaredError,
  R2Score,
  RootMeanSquaredError,
} from './regression.ts';
