"""What several synthesizers share, in PyTorch: layers, networks, training, a fold's networks."""
