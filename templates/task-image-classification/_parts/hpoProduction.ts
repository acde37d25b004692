  productionOverrides: { 'trainer.max_epochs': 10 },
