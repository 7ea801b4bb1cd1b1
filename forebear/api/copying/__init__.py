"""Copying one store into another: what is new goes, as it was; what is there stays."""
