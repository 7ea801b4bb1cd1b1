"""Refer to what is below a prefix, in one of three ways; where it is, the environment says.

``log_references.py log STORE URI`` logs a version of it and prints ``vN``; ``list URI`` lists it as logging does and
keeps nothing; ``find URI`` has s3fs list it; ``nothing URI`` lists one object, for the memory that the modules take.
"""

import sys


def log(store: str, uri: str) -> str:
    import forebear

    with forebear.init(project="bench", store=store, settings={"silent": True}) as run:
        artifact = forebear.Artifact("data", "dataset")
        artifact.add_reference(uri)
        return run.log_artifact(artifact).version


def listing(uri: str, most: int | None = None) -> int:
    from forebear.artifacts.references import resolve_rows

    count = 0
    for _ in resolve_rows(uri):
        count += 1
        if count == most:
            break
    return count


def find(uri: str) -> int:
    import s3fs

    return len(s3fs.S3FileSystem().find(uri, detail=True))


match sys.argv[1:]:
    case ["log", store, uri]:
        print(log(store, uri))
    case ["list", uri]:
        print(listing(uri))
    case ["nothing", uri]:
        print(listing(uri, most=1))
    case ["find", uri]:
        print(find(uri))
    case _:
        raise SystemExit(__doc__)
