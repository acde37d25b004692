export { declaredSearchSpace } from './declaredSpace.ts';
export {
  categoricalDistribution,
  type CategoricalDistribution,
  type Distribution,
  floatDistribution,
  type FloatDistribution,
  intDistribution,
  type IntDistribution,
  type ParamValue,
  type RangeOptions,
} from './distribution.ts';
export { distributionFromJson, distributionToJson } from './distributionJson.ts';
export { FixedTrial } from './fixedTrial.ts';
export { type FrozenTrial, lastStep } from './frozenTrial.ts';
export type { HpoConfig } from './hpoConfig.ts';
export { getParamImportances, type ImportanceOptions } from './importance/paramImportances.ts';
export type { Plain } from './plain.ts';
export { HyperbandPruner, type HyperbandOptions } from './pruners/hyperbandPruner.ts';
export { MedianPruner } from './pruners/medianPruner.ts';
export { NonePruner } from './pruners/nonePruner.ts';
export { PercentilePruner, type PercentilePrunerOptions } from './pruners/percentilePruner.ts';
export { PatientPruner, type PatientPrunerOptions } from './pruners/patientPruner.ts';
export {
  SuccessiveHalvingPruner,
  type SuccessiveHalvingOptions,
} from './pruners/successiveHalvingPruner.ts';
export { ThresholdPruner, type ThresholdPrunerOptions } from './pruners/thresholdPruner.ts';
export { constraintsOf } from './constraints.ts';
export { bestOf, paretoFront } from './pareto.ts';
export type { PruneDecision, Pruner, PrunerContext } from './pruners/pruner.ts';
export {
  createPruner,
  createSampler,
  prunerNames,
  type PrunerSettings,
  samplerNames,
  type SamplerSettings,
} from './registry.ts';
export {
  BruteForceSampler,
  type BruteForceSamplerOptions,
} from './samplers/bruteForce/bruteForceSampler.ts';
export { CmaEsSampler, type CmaEsSamplerOptions } from './samplers/cmaEs/cmaEsSampler.ts';
export { GridSampler, type GridSamplerOptions } from './samplers/gridSampler.ts';
export { NsgaIISampler, type NsgaIISamplerOptions } from './samplers/nsga2/nsgaIISampler.ts';
export { QmcSampler, type QmcSamplerOptions } from './samplers/qmc/qmcSampler.ts';
export { RandomSampler } from './samplers/randomSampler.ts';
export type { Sampler, SamplerContext } from './samplers/sampler.ts';
export { TpeSampler, type TpeSamplerOptions } from './samplers/tpe/tpeSampler.ts';
export type { ConfigPatch, FrozenConfig, ParamDeclaration, SearchSpace } from './searchSpace.ts';
export { JournalStorage } from './storages/journalStorage.ts';
export { MemoryStorage } from './storages/memoryStorage.ts';
export { PostgresStorage, type PostgresStorageOptions } from './storages/postgresStorage.ts';
export type {
  ParamEntry,
  Storage,
  StudyRecord,
  TrialChanges,
  TrialTemplate,
} from './storages/storage.ts';
export {
  Study,
  type StudyCallback,
  type StudyOptions,
  type TellOptions,
  TrialPruned,
} from './study.ts';
export { Trial } from './trial.ts';
export type { TrialLike } from './trialLike.ts';
export { type Direction, isFinished, type TrialState } from './trialState.ts';
export { type TrialRow, trialsTable } from './trialsTable.ts';
