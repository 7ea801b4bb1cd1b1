"""Run a script with another bound between packs and loose objects: ``with_bound.py BYTES SCRIPT ARGUMENTS``."""

import runpy
import sys

import forebear.blobs.writer

bound, script = int(sys.argv[1]), sys.argv[2]
# Set before the modules that take a copy of it are imported.
forebear.blobs.writer.SMALL_BYTES = bound
sys.argv[:] = sys.argv[2:]
runpy.run_path(script, run_name="__main__")
