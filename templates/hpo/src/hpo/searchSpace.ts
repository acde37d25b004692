import type { SearchSpace } from 'lightbox-runtime/hpo';

/**
 * What a search varies: config paths with suggested values. The config itself is frozen; whatever is
 * returned here is laid over it for one trial.
 */
export const searchSpace: SearchSpace = (trial) => ({
  'model.init_args.learning_rate': trial.suggestFloat('learning_rate', 3e-4, 1e-2, { log: true }),
  'model.init_args.weight_decay': trial.suggestFloat('weight_decay', 1e-4, 1e-1, { log: true }),
  'model.init_args.hidden_units': trial.suggestCategorical('hidden_units', [32, 64, 128]),
});
