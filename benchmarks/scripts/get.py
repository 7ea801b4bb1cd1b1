"""Put the files of the newest version into a folder, verified: ``get.py STORE FOLDER [--link]``."""

import sys

import forebear

store, folder = sys.argv[1:3]
forebear.Api(store, project="bench").artifact("data:latest").download(folder, link="--link" in sys.argv)
