"""Put those files of the newest version into a folder whose paths begin so: ``get_prefix.py STORE FOLDER PREFIX``."""

import sys

import forebear

store, folder, prefix = sys.argv[1:4]
forebear.Api(store, project="bench").artifact("data:latest").download(folder, path_prefix=prefix)
