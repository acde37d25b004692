  monitor: 'val/loss',
  mode: 'min',
