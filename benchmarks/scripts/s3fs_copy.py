"""Copy a folder into a bucket or out of it with s3fs: ``s3fs_copy.py put|get FOLDER BUCKET_PATH OPTIONS_JSON``."""

import json
import sys

import s3fs

action, folder, remote, options = sys.argv[1:]
system = s3fs.S3FileSystem(
    **json.loads(options), config_kwargs={"response_checksum_validation": "when_required"}, use_listings_cache=False
)
if action == "put":
    system.put(f"{folder}/", f"{remote}/", recursive=True)
else:
    system.get(f"{remote}/", f"{folder}/", recursive=True)
