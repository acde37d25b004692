// The wrapper's run() is a promise; the native one below it is synchronous, which is what
// dataSync() needs. This is the only file that knows where it lives.
import { binding, initOrt } from 'onnxruntime-node/dist/binding.js';
import type { ElementType } from '../onnx/model.ts';
import type { Values } from './entry.ts';

/** A tensor as the native code takes it: it reads and writes `data` in place. */
export interface NativeTensor {
  readonly type: ElementType;
  readonly data: Values;
  readonly dims: readonly number[];
  readonly location: 'cpu';
}

export interface NativeSession {
  run(feeds: Record<string, NativeTensor>, fetches: Record<string, NativeTensor>): void;
  dispose(): void;
}

export interface SessionSettings {
  readonly threads: number;
  readonly spinning: boolean;
}

/** Compiles a serialised model; throws ONNX Runtime's error when it refuses it. */
export function createSession(
  model: Uint8Array<ArrayBuffer>,
  { threads, spinning }: SessionSettings,
): NativeSession {
  initOrt();
  const session = new binding.InferenceSession();
  session.loadModel(model.buffer, model.byteOffset, model.byteLength, {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
    extra: { session: { intra_op: { allow_spinning: spinning ? '1' : '0' } } },
  });
  return {
    run(feeds, fetches) {
      // Plain objects suffice: the native code reads four properties, and checks no class.
      session.run(feeds as unknown as Feeds, fetches as unknown as Fetches, {});
    },
    dispose() {
      session.dispose();
    },
  };
}

type NativeRun = InstanceType<typeof binding.InferenceSession>['run'];
type Feeds = Parameters<NativeRun>[0];
type Fetches = Parameters<NativeRun>[1];
