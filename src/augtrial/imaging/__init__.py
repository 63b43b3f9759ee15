"""Lesions to images: regions of interest, augmentation, training sets."""
