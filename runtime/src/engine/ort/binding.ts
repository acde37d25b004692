// The wrapper's run() is a promise; the native one below it is synchronous, which is what
// dataSync() needs. This is the only file that knows where it lives.
import { binding, initOrt } from 'onnxruntime-node/dist/binding.js';
import { messageOf } from '../../errors.ts';
import type { ElementType } from '../onnx/model.ts';
import type { Values } from './entry.ts';

/** A tensor as the native code takes it: it reads and writes `data` in place. */
export interface NativeTensor {
  readonly type: ElementType;
  readonly data: Values | BigInt64Array | Float64Array;
  readonly dims: readonly number[];
  readonly location: 'cpu';
}

/**
 * An output of type bfloat16 that a model may have as its first one, to be fetched as null. When
 * the graph has run and every other output is written, the binding would copy each of them into
 * new memory for a result that nobody reads: 0.5 ms for 2 MB. This type it cannot wrap, so it ends
 * there.
 */
export const endName = 'end';
const ending = /Tensor type \(16\) is not supported/;

export interface NativeSession {
  run(feeds: Record<string, NativeTensor>, fetches: Record<string, NativeTensor | null>): void;
  dispose(): void;
}

/** ONNX Runtime's execution providers: which device runs the graphs. */
export type Provider = 'cpu' | 'webgpu' | 'cuda' | 'tensorrt' | 'dml' | 'coreml';

export interface SessionSettings {
  readonly threads: number;
  readonly spinning: boolean;
  /** Default `cpu`. What another provider lacks runs on the processor. */
  readonly provider?: Provider;
}

/** The providers that the binding of this platform knows; some need files that it does not bring. */
export function compiledProviders(): readonly { name: string; bundled: boolean }[] {
  return binding.listSupportedBackends();
}

/**
 * Compiles a serialised model. Numbers below 1e-38 count as zero: Adam's moments of weights whose
 * gradient has ended pass through that range for hundreds of steps, and processors compute there
 * many times slower. ONNX Runtime sets this for its threads and, with the first session of a
 * process, for the thread that creates it, so that the update kernels in WebAssembly profit too.
 *
 * @throws ONNX Runtime's error when it refuses the model
 */
export function createSession(
  model: Uint8Array<ArrayBuffer>,
  { threads, spinning, provider = 'cpu' }: SessionSettings,
): NativeSession {
  initOrt();
  const onCpu = provider === 'cpu';
  const session = new binding.InferenceSession();
  session.loadModel(model.buffer, model.byteOffset, model.byteLength, {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    logSeverityLevel: onCpu ? 3 : 4,
    ...(!onCpu && { executionProviders: [provider], enableMemPattern: provider !== 'dml' }),
    extra: {
      session: { intra_op: { allow_spinning: spinning ? '1' : '0' }, set_denormal_as_zero: '1' },
    },
  });
  return {
    run(feeds, fetches) {
      if (!onCpu) {
        const { [endName]: _, ...wanted } = fetches;
        session.run(feeds as unknown as Feeds, wanted as unknown as Fetches, {});
        return;
      }
      // Plain objects suffice: the native code reads four properties, and checks no class.
      try {
        session.run(feeds as unknown as Feeds, fetches as unknown as Fetches, {});
      } catch (error) {
        if (fetches[endName] !== null || !ending.test(messageOf(error))) throw error;
      }
    },
    dispose() {
      session.dispose();
    },
  };
}

type NativeRun = InstanceType<typeof binding.InferenceSession>['run'];
type Feeds = Parameters<NativeRun>[0];
type Fetches = Parameters<NativeRun>[1];
