import type { HookArguments, HookName } from './hooks.ts';
import type { JsonObject } from './json.ts';
import type { ParamGroupOptions } from './optim/paramGroups.ts';
import type { OptimizerGroupView, TrainerContext } from './trainerContext.ts';
import type { TrainModule } from './trainModule.ts';

type Hooks = {
  [Name in HookName]?: (
    context: TrainerContext,
    ...args: HookArguments[Name]
  ) => void | Promise<void>;
};

/** A tensor that a callback keeps in checkpoints, named with a prefix: `ema/dense/kernel`. */
export interface StateTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array | Uint8Array | Float64Array | BigInt64Array;
}

/** How the graphs of a training run are compiled. */
export interface CompileSettings {
  /** Steps that are known are replayed without their JavaScript. */
  readonly replay: boolean;
  /** Graphs of training steps are compiled in several ways, and the quickest is kept. */
  readonly tune: boolean;
  /** One compiled graph serves every shape of the same step. */
  readonly dynamic: boolean;
  /** Only steps that train one of these sub-modules; null: all steps. */
  readonly targets: readonly string[] | null;
}

/** From when on an update averages `factor` batches. */
export interface AccumulationStep {
  readonly from: number;
  readonly unit: 'epochs' | 'updates';
  readonly factor: number;
}

/**
 * Something that watches a run. All hooks are optional and may be async; each sees a narrow
 * `TrainerContext`, never the trainer.
 */
export interface Callback extends Hooks {
  /** Under which state is kept in checkpoints; default: the class name. Give one to each of two alike. */
  readonly id?: string;
  /** Watches results (early stopping): runs after ordinary callbacks and the module, on final values. */
  readonly monitoring?: boolean;
  /** Writes checkpoints: runs after everybody else, so that the file holds everybody's final state. */
  readonly saving?: boolean;
  /** Shows progress itself, so that the trainer adds no progress bar. */
  readonly showsProgress?: boolean;
  /** How it wants the graphs of training compiled; the first callback with a wish decides. */
  readonly compiles?: CompileSettings;
  /** How many batches an update averages, from when on; in place of `accumulate_grad_batches`. */
  readonly accumulation?: readonly AccumulationStep[];
  /** Groups that optimizers get in front of their own. */
  readonly parameterGroups?: readonly ParamGroupOptions[];
  /** Takes part in the validation hooks of the sanity check; default: no. */
  readonly runsInSanity?: boolean;
  /** Metrics that it cannot do without, by full name; looked for once the sanity check is over. */
  readonly watches?: readonly string[];
  /** Path of the best checkpoint so far, for a callback that keeps one. */
  readonly bestModelPath?: string | null;
  /**
   * The learning rate of the coming update for a group, in place of the scheduled one in
   * `group.lr`. It must follow from where training is and from the callback's saved state alone.
   */
  learningRate?(context: TrainerContext, group: OptimizerGroupView): number;
  stateDict?(): JsonObject;
  loadStateDict?(state: JsonObject): void;
  /** State too large for JSON; saved beside `stateDict`, which must exist too. */
  stateTensors?(): readonly StateTensor[];
  /** Called after `loadStateDict` with all tensors of the checkpoint by name. */
  loadStateTensors?(tensors: ReadonlyMap<string, StateTensor>, module: TrainModule): void;
  /** Called by validate, test and predict with all tensors of the checkpoint that they use. */
  loadForEvaluation?(tensors: ReadonlyMap<string, StateTensor>, context: TrainerContext): void;
}

/** The key of a callback's state in checkpoints. */
export function callbackId(callback: Callback): string {
  return callback.id ?? (callback.constructor as { name: string }).name;
}
