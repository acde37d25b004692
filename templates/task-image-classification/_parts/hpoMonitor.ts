  monitor: 'val/acc',
  mode: 'max',
