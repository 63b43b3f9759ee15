"""What the project measures: each module prints a table, `make bench` writes docs/benchmarks.md."""
