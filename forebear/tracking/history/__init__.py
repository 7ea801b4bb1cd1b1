"""History as columns: blocks of rows, one compressed column a key."""
