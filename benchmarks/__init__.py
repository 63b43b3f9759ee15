"""What the project measures: `make bench` writes docs/benchmarks.md; other modules print tables."""
