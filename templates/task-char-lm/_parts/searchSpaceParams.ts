  learning_rate: 0.001,
  weight_decay: 0.01,
  heads: 8,
  warmup: '5%',
