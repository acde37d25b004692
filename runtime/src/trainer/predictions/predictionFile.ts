import type { Prediction } from '../loops/predictionLoop.ts';

/** Where predictions go, batch by batch. */
export interface PredictionFile {
  add(prediction: Prediction): Promise<void>;
  /** Completes the file. */
  finish(): Promise<void>;
  /** Removes what is not complete. */
  abandon(): Promise<void>;
}
