  learning_rate: 0.001,
  weight_decay: 0.001,
  hidden_units: 128,
