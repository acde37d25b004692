  monitor: 'val/r2',
  mode: 'max',
