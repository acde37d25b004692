  'model.init_args.learning_rate': trial.suggestFloat('learning_rate', 3e-4, 1e-2, { log: true }),
  'model.init_args.weight_decay': trial.suggestFloat('weight_decay', 1e-5, 1e-2, { log: true }),
  'model.init_args.hidden_units': trial.suggestCategorical('hidden_units', [64, 128, 256]),
