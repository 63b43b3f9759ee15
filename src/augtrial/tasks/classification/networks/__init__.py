"""The networks that can be judged as classifiers, one a module.

A new one is one module here: a subclass of `base.ClassifierKind` under `@classifiers.register`.
"""
