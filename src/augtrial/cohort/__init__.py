"""The cohort: the lesion table, the pixels of its lesions, and whether they are fit for a study."""
