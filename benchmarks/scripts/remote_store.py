"""Take a folder into a store whose blobs are in a bucket, or put its files in place again.

``remote_store.py put|get FOLDER BLOBS_URL OPTIONS_JSON CATALOG_FOLDER``; ``put`` prints what it wrote as JSON.
"""

import json
import sys
from pathlib import Path

from forebear.artifacts.commit import Labels, commit_draft, page_loader
from forebear.artifacts.draft import Draft
from forebear.artifacts.manifest import Manifest
from forebear.blobs.remote import RemoteObjects
from forebear.blobs.retrying import RetryingObjects
from forebear.catalog.fingerprints import FingerprintCache
from forebear.catalog.sqlite import SqliteCatalog
from forebear.store.store import Store

action, folder, url, options, local = sys.argv[1:]
place = Path(local)
place.mkdir(parents=True, exist_ok=True)
catalog = SqliteCatalog(place / "catalog.db", create=True)
objects = RetryingObjects(RemoteObjects(url, json.loads(options)))
store = Store(url, catalog, objects, FingerprintCache(place / "fingerprints.db"))
if action == "put":
    draft = Draft(store)
    draft.add_tree(Path(folder), None)
    committed = commit_draft(draft, Labels("local", "bench", "data", "dataset"), None)
    print(json.dumps({"objects": len(draft.objects), "bytes": committed.version.added_bytes}))
else:
    collection = catalog.collection("local", "bench", "data")
    assert collection is not None
    assert collection.tip is not None
    rows = Manifest(collection.tip, page_loader(store)).rows()
    store.checkout(folder).place((path, size, digest) for path, size, digest in rows)
store.close()
