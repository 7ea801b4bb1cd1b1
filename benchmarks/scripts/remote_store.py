"""Take a folder into a store, or put its files in place again: ``remote_store.py put|get FOLDER STORE_URL``."""

import sys
from pathlib import Path

from forebear.artifacts.commit import Labels, commit_draft, page_loader
from forebear.artifacts.draft import Draft
from forebear.artifacts.manifest import Manifest
from forebear.store.opening import open_store

action, folder, url = sys.argv[1:]
store = open_store(url)
if action == "put":
    draft = Draft(store)
    draft.add_tree(Path(folder), None)
    commit_draft(draft, Labels("local", "bench", "data", "dataset"), None)
else:
    collection = store.catalog.collection("local", "bench", "data")
    assert collection is not None
    assert collection.tip is not None
    rows = Manifest(collection.tip, page_loader(store)).rows()
    store.checkout(folder).place((path, size, digest) for path, size, digest in rows)
store.close()
