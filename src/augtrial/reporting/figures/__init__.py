"""Figures: one a module; each reads tables and arrays, and computes no result."""
