"""Quality against core-seconds, for every synthesizer."""
