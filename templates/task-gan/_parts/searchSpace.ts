  // Of both networks. At higher rates the critic wins early, and the generator learns nothing.
  'model.init_args.learning_rate': trial.suggestFloat('learning_rate', 1e-4, 1e-3, { log: true }),
  'model.init_args.dropout': trial.suggestFloat('dropout', 0.1, 0.5),
  'model.init_args.real_label': trial.suggestFloat('real_label', 0.8, 1, { step: 0.05 }),
  'model.init_args.noise_size': trial.suggestCategorical('noise_size', [32, 64, 128]),
