  monitor: 'val/distance',
  mode: 'min',
