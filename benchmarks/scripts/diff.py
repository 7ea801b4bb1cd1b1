"""Print what differs between the first two versions: ``diff.py STORE``."""

import sys

import forebear

difference = forebear.Api(sys.argv[1], project="bench").diff("data:v0", "data:v1")
print(len(difference.added), len(difference.removed), len(difference.changed), len(difference.renamed))
