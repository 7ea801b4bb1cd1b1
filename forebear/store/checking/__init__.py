"""Looking at a store's objects: whether they are what was written, and what is in them where no catalog says so."""
