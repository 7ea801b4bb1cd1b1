"""Checking a store as a whole, mending it, and making its catalog again."""
