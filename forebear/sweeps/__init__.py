"""Search over runs: what a sweep is, what its next trial is, and who executes it."""
