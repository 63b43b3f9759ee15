"""Do intervals and verdicts keep their word? Simulated studies through the shipped functions."""
