  productionOverrides: { 'trainer.max_epochs': 200 },
