"""What the Snakefile asks: the study, its files, its jobs, what they cost."""
