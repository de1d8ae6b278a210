"""Training data: data sets, selections, crops as the device makes them, augmentation, batches."""
