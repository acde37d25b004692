import { extname } from 'node:path';
import { UsageError } from '../errors.ts';
import type { Prediction } from './loops/predictionLoop.ts';
import { JsonLinesFile } from './predictions/jsonLinesFile.ts';
import type { PredictionFile } from './predictions/predictionFile.ts';
import { TensorFile } from './predictions/tensorFile.ts';

/**
 * Writes predictions to a file as they come, in constant memory: `.jsonl` has one line a sample,
 * `{"loader": "default", "outputs": ...}`; `.safetensors` has each output as one tensor of all
 * samples, by its place in the outputs: `outputs`, `logits`, `default/logits` for named loaders.
 * @returns the samples written
 * @throws UsageError ERR_PREDICTION_FILE for other endings, and for outputs that a tensor cannot hold
 */
export async function savePredictions(
  predictions: AsyncIterable<Prediction>,
  path: string,
): Promise<number> {
  const file = await openFile(path);
  let samples = 0;
  try {
    for await (const prediction of predictions) {
      await file.add(prediction);
      samples += prediction.size;
    }
    await file.finish();
    return samples;
  } catch (error) {
    await file.abandon();
    throw error;
  }
}

async function openFile(path: string): Promise<PredictionFile> {
  const ending = extname(path);
  if (ending === '.jsonl') return JsonLinesFile.open(path);
  if (ending === '.safetensors') return new TensorFile(path);
  throw new UsageError(
    'ERR_PREDICTION_FILE',
    `Predictions are written to .jsonl or .safetensors, got "${path}".`,
  );
}
