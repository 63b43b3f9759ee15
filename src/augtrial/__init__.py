"""Controlled trials of augmentation on small lesion data sets."""

__version__ = "0.1.0"
