  productionOverrides: { 'trainer.max_epochs': 20 },
