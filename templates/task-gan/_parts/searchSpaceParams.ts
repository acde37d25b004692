  learning_rate: 0.0002,
  dropout: 0.2,
  real_label: 0.9,
  noise_size: 64,
