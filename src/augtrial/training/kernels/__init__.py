"""What is compiled for the CPU."""
