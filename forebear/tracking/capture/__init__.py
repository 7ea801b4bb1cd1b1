"""What is noted of a run by itself: output, system, code and environment."""
