"""Conformance suites and reference models, for the adapters here and for those of others."""
