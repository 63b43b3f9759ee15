"""Classification of lesions: the class of each held-out lesion."""

from augtrial.tasks.classification import task  # noqa: F401  # it registers itself
