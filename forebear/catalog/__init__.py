"""The catalog: names, numbers and edges in SQL. The only layer that speaks SQL."""
