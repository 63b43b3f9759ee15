"""Synthesizers: generative models that are trained on the training folds, one a module.

A new one is one module here: a subclass of `base.Synthesizer` (of `gan.GanSynthesizer` for an
adversarial one) under `@synthesizers.register`. It imports PyTorch inside its methods alone, since
plans are made without it; what several share and needs PyTorch stands in `shared`.
"""
