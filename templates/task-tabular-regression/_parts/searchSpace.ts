  'model.init_args.learning_rate': trial.suggestFloat('learning_rate', 5e-4, 2e-2, { log: true }),
  'model.init_args.weight_decay': trial.suggestFloat('weight_decay', 1e-4, 1e-1, { log: true }),
  'model.init_args.hidden_units': trial.suggestCategorical('hidden_units', [32, 64, 128]),
