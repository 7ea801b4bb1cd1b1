"""Speed and memory of forebear, a question a file: ``make bench`` runs all, ``python -m benchmarks.NAME`` one."""
