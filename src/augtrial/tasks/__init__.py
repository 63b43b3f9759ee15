"""Tasks: what the training sets of the arms are judged by, one a package.

A new one is one package here whose `__init__` imports its subclass of `base.Task`, under
`@tasks.register`.
"""
