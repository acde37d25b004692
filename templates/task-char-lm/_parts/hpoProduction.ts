  productionOverrides: { 'trainer.max_epochs': 5 },
