  // Yours: a value for every parameter of the space.
  learning_rate: 0.01,
  weight_decay: 0.001,
  hidden_units: 64,
