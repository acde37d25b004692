  learning_rate: 0.001,
  weight_decay: 0.01,
  dropout: 0.1,
  hidden_units: 64,
