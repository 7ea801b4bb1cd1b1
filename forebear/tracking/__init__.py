"""Runs: what a script holds while it works."""
