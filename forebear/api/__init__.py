"""Questions to a store, outside of any run."""
