  productionOverrides: { 'trainer.max_epochs': 15 },
