"""Bytes: digests, packs and loose objects, written once and verified whenever they are read."""
