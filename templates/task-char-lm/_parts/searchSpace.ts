  'model.init_args.learning_rate': trial.suggestFloat('learning_rate', 3e-4, 6e-3, { log: true }),
  'model.init_args.weight_decay': trial.suggestFloat('weight_decay', 1e-3, 1e-1, { log: true }),
  // All of them divide hidden_units.
  'model.init_args.heads': trial.suggestCategorical('heads', [2, 4, 8]),
  'model.init_args.warmup': trial.suggestCategorical('warmup', ['2%', '5%', '10%', '20%']),
