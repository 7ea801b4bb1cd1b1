"""The store: one URL opened, a catalog paired with blobs."""
