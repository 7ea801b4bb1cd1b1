"""The graph of runs and versions: questions about it, algorithms on it, and its exports. It only reads the catalog."""
