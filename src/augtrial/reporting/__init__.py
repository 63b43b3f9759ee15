"""Figures and the report; both read tables and compute nothing."""
