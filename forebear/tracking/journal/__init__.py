"""The journal of a run: what `log` wrote, on disk before it returned."""
