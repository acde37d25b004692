import type { DataModule } from '../core/dataModule.ts';
import type { Logger } from '../core/logger.ts';
import type { TrainModule } from '../core/trainModule.ts';
import { selectBackend } from '../engine/selectBackend.ts';
import { UsageError } from '../errors.ts';
import { withKeyedRandom } from '../random/lend.ts';
import { Rng } from '../random/rng.ts';
import { initialRandom } from '../random/seedEverything.ts';
import type { ResolvedTrainerOptions } from '../trainer/trainerOptions.ts';
import { checkValue } from './checkValue.ts';
import { classKey } from './names.ts';
import type { KeyedClass } from './keyedClasses.ts';
import { defaultOrigin, nodeAt, withEntry, type ConfigNode, type MapNode } from './node.ts';
import { trainerSection, type PreparedConfig } from './prepare.ts';
import { throwProblems, type ConfigProblem } from './problems.ts';

/** The objects of a run, made from its configuration. */
export interface RunParts {
  readonly module: TrainModule;
  readonly dataModule: DataModule;
  readonly trainerOptions: ResolvedTrainerOptions;
}

/**
 * Selects the back end and constructs everything that a checked configuration names. Initial weights depend on the seed
 * alone: they are drawn from the seed's key `init`.
 * @throws ConfigError when a class refuses what it got
 */
export async function buildRun(config: PreparedConfig): Promise<RunParts> {
  const module = await buildModel(config);
  const random = Rng.fromSeed(config.seed).fold('data');
  const dataModule = withKeyedRandom(random, () => construct(config, 'data'));
  requireMethod(dataModule, 'trainDataloader', 'data', 'a DataModule');
  return {
    module,
    dataModule: dataModule as DataModule,
    trainerOptions: buildTrainerOptions(config),
  };
}

/** Selects the back end and constructs the module alone. @throws ConfigError as `buildRun` does */
export async function buildModel(config: PreparedConfig): Promise<TrainModule> {
  // Weights are tensors: the back end must be there before the first of them.
  const { accelerator, threads } = trainerValues(config);
  await selectBackend({ accelerator, threads: threads ?? undefined });
  const random = initialRandom(config.seed);
  const module = withKeyedRandom(random, () => construct(config, 'model'));
  requireMethod(module, 'trainingStep', 'model', 'a TrainModule');
  return module as TrainModule;
}

function trainerValues(config: PreparedConfig) {
  return config.values.trainer as { accelerator: string; threads: number | null };
}

function buildTrainerOptions(config: PreparedConfig): ResolvedTrainerOptions {
  const problems: ConfigProblem[] = [];
  const callbacks = config.callbacks.map((keyed) => constructKeyed(keyed, config, problems));
  const loggers =
    typeof config.loggers === 'boolean'
      ? config.loggers
      : config.loggers.map((keyed) => constructKeyed(keyed, config, problems));
  throwProblems(problems);
  const trainer = requireTrainer(config);
  let node = withInstance(trainer, 'callbacks', callbacks);
  if (typeof loggers === 'boolean') node = withScalar(node, 'logger', loggers);
  else node = withInstance(node, 'logger', loggers);
  const options = checkValue(node, trainerSection, ['trainer'], {
    problems,
    instance: () => undefined,
  });
  throwProblems(problems);
  return {
    ...(options as ResolvedTrainerOptions),
    callbacks: callbacks,
    logger: loggers as boolean | Logger[],
    seed: config.seed,
  };
}

function construct(config: PreparedConfig, key: 'model' | 'data'): object {
  const problems: ConfigProblem[] = [];
  const node = config.modules[key];
  if (node === undefined) {
    throw new UsageError(
      'ERR_CONFIG_MISSING_KEY',
      `The configuration has no "${key}" section. Name the class in it: ` +
        `${key}: {class_path: "./src/...ts#Name", init_args: {...}}.`,
    );
  }
  const built = config.classes.construct(node, [key], problems);
  throwProblems(problems);
  return built ?? {};
}

function constructKeyed(
  { node, path, key }: KeyedClass,
  { classes }: PreparedConfig,
  problems: ConfigProblem[],
): object {
  const built = node.kind === 'instance' ? node.value : classes.construct(node, path, problems);
  if (built === undefined) return {};
  const named = built as { id?: string };
  // Two of one class need names of their own to find their state in a checkpoint again.
  if (named.id === undefined && key !== classKey(built.constructor.name)) {
    Object.defineProperty(built, 'id', { value: key, enumerable: true });
  }
  return built;
}

function requireTrainer(config: PreparedConfig): MapNode {
  const node = nodeAt(config.tree, ['trainer']);
  if (node?.kind === 'map') return node;
  throw new UsageError('ERR_CONFIG_TYPE', 'trainer: expected a map of options.');
}

function withInstance(map: MapNode, key: string, value: object): MapNode {
  const node: ConfigNode = { kind: 'instance', origin: defaultOrigin, value };
  return withEntry(map, key, { origin: map.entries.get(key)?.origin ?? defaultOrigin, node });
}

function withScalar(map: MapNode, key: string, value: boolean): MapNode {
  const node: ConfigNode = { kind: 'scalar', origin: defaultOrigin, value };
  return withEntry(map, key, { origin: defaultOrigin, node });
}

function requireMethod(value: object, method: string, key: string, what: string): void {
  if (typeof (value as Record<string, unknown>)[method] === 'function') return;
  throw new UsageError(
    'ERR_CONFIG_CLASS',
    `${key}.class_path: ${value.constructor.name} is not ${what}: it has no ${method}().`,
  );
}
