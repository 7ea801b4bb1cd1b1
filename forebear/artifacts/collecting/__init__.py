"""Collecting what nobody names: policies, marking, trash. See `docs/explanation/how-collection-works.md`."""
