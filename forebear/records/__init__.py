"""Frozen records that cross the borders between layers; no input or output, no clock, no randomness."""
