"""Typed settings, one group a file, and what is wrong with them in words."""
