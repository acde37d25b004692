  productionOverrides: { 'trainer.max_epochs': 60 },
