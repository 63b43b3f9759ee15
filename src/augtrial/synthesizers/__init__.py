"""Generative models trained on the training folds, and what they draw."""
