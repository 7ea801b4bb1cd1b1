"""Artifacts: drafts, manifests, references, transfer and diff."""
