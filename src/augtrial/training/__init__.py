"""Networks through their updates: device, batches, checkpoints, engine."""
