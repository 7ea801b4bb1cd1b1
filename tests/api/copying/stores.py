"""A store that has something of everything, and all that a store holds in words that know no keys."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

import forebear
from forebear.api.api import Api
from forebear.artifacts.commit import page_loader
from forebear.artifacts.manifest import Manifest
from forebear.records.artifacts import COMMITTED
from forebear.records.lineage import EdgeKind
from forebear.records.sweeps import NewSweep, NewTrial
from forebear.store.shared import shared_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from forebear.records.runs import RunRecord
    from forebear.store.store import Store

MIB = 1024 * 1024
#: A large file, and one that is nearly the same.
LARGE = random.Random(1).randbytes(5 * MIB)
SIMILAR = LARGE[: 2 * MIB] + b"inserted" * 1000 + LARGE[2 * MIB :]


def log(run: Any, name: str, files: dict[str, bytes], type: str = "dataset", **options: Any) -> Any:
    """Log a version with these files."""
    artifact = forebear.Artifact(name, type, metadata={"files": len(files)})
    for path, content in files.items():
        with artifact.new_file(path, "wb") as file:
            file.write(content)
    return run.log_artifact(artifact, **options).wait()


def begin(store: str, run_id: str, **options: Any) -> Any:
    """Begin a run that keeps nothing of the machine."""
    settings = {"silent": True, "console": "off", "x_disable_stats": True}
    return forebear.init(id=run_id, project=options.pop("project", "p"), store=store, settings=settings, **options)


def pipeline(store: str) -> None:
    """Fill a store: versions, deleted and reproduced ones, aliases that moved, runs that went on, a sweep."""
    small = {f"part-{number % 7}/{number:03}.txt": f"text {number} ".encode() * 30 for number in range(300)}
    with begin(store, "ingest", job_type="ingest", config={"lr": 0.1, "nan": float("nan")}, tags=["first"]) as run:
        log(run, "data", {**small, "large.bin": LARGE, "medium.bin": LARGE[:MIB]}, aliases=["prod"], tags=["good"])
        for step in range(50):
            run.log({"loss": 1 / (step + 1), "word": "w"})
        run.log({"table": forebear.Table(columns=["a"], data=[[1], [2]])})
        run.summary["best"] = 3
    with begin(store, "again", job_type="ingest") as run:
        log(run, "data", {**small, "large.bin": LARGE, "medium.bin": LARGE[:MIB]})  # the same once more
        log(run, "data", {**small, "part-0/000.txt": b"changed", "large.bin": SIMILAR}, aliases=["prod"])
        log(run, "data", {"only.txt": b"a mistake"})
        run.log({"x": 1})
    api = Api(store, project="p")
    api.artifact("data:v2").delete(delete_aliases=True)
    first = api.artifact("data:v0")
    first.aliases = ["old"]
    first.save()
    with begin(store, "train", job_type="train") as run:
        run.use_artifact("data:prod", use_as="training data")
        model = forebear.Artifact("model", "model")
        model.add_reference("https://example.org/weights", checksum=False)
        run.log_artifact(model).wait()
        run.use_artifact("model:v0")
        for step in range(30):
            run.log({"acc": step})
    with begin(store, "fork", fork_from="train?_step=10") as run:
        run.log({"acc": 100})
    with begin(store, "fork", resume_from="fork?_step=5") as run:
        run.log({"acc": 200})
    with begin(store, "gone", project="q") as run:
        log(run, "orphan", {"a": b"a"})
        run.log({"x": 1})
    delete_run(store, "q", "gone")
    catalog = shared_store(store).catalog
    train = catalog.run("local", "p", "train")
    assert train is not None
    catalog.add_sweep(
        NewSweep("local", "p", "sweep", "named", {"method": "random"}, limit=5),
        [NewTrial({"lr": 0.1}, state="finished", run_key=train.key, values={"acc": 29.0})],
    )


def delete_run(store: str, project: str, run_id: str) -> None:
    """Delete a run."""
    catalog = shared_store(store).catalog
    record = catalog.run("local", project, run_id)
    assert record is not None
    catalog.delete_run(record.key)


def everything(store: Store) -> dict[str, Any]:
    """Say all that a store holds, by names."""
    catalog = store.catalog
    edges = list(catalog.all_edges(EdgeKind))
    nodes = catalog.describe(node for edge in edges for node in (edge.source, edge.target))
    names = {key: info.id.partition("~")[0] for key, info in nodes.items()}
    return {
        "projects": [(project.entity, project.name, project.created_at) for project in catalog.projects()],
        "runs": {run.qualified_name: _run(store, run) for run in catalog.runs()},
        "collections": {c.qualified_name: (c.type, c.created_at, c.next_number) for c in catalog.collections()},
        "versions": dict(_versions(store)),
        "moves": {c.qualified_name: _moves(store, c.id) for c in catalog.collections()},
        "edges": sorted((names[e.source], names[e.target], e.kind.name, str(e.at), e.use_as or "") for e in edges),
        "sweeps": {s.qualified_name: _sweep(store, s.key, replace(s, key=0)) for s in catalog.sweeps()},
    }


def _run(store: Store, run: RunRecord) -> tuple[Any, ...]:
    catalog = store.catalog
    rows = list(Api(store.address, project=run.project).run(f"{run.entity}/{run.project}/{run.id}").scan_history())
    branches = [
        (b.number, catalog.runs_by_key([b.parent_run])[b.parent_run].id.partition("~")[0], b.fork_step, b.at)
        for b in catalog.branches(run.key)
    ]
    files = [(file.path, file.size, file.at, store.read(file.digest)) for file in catalog.run_files(run.key)]
    return repr(replace(run, key=0)), repr(rows), branches, files


def _versions(store: Store) -> Iterator[tuple[str, Any]]:
    for collection in store.catalog.collections():
        for version, origin in store.catalog.whole_versions(collection.id):
            live = version.state == COMMITTED
            run = None if origin is None else store.catalog.runs_by_key([origin])[origin].id.partition("~")[0]
            said = replace(version, id=0, collection_id=0)
            yield version.qualified_name, (said, run, _contents(store, version.root) if live else None)


def _contents(store: Store, root: bytes) -> list[Any]:
    rows = list(Manifest(root, page_loader(store)).rows())
    assert store.damaged(row[2] for row in rows if len(row) == 3) == {}
    return rows


def _moves(store: Store, collection_id: int) -> list[tuple[Any, ...]]:
    moves = store.catalog.alias_moves(collection_id)
    return sorted((m.alias, str(m.at), m.number, (m.run_id or "").partition("~")[0]) for m in moves)


def _sweep(store: Store, key: int, record: Any) -> tuple[Any, ...]:
    runs = store.catalog.runs_by_key(t.run_key for t in store.catalog.trials(key) if t.run_key is not None)
    trials = [
        (replace(t, sweep_key=0, run_key=None), runs[t.run_key].id if t.run_key else None)
        for t in store.catalog.trials(key)
    ]
    return record, trials, store.catalog.trial_reports(key)


def put(folder: Path, files: dict[str, bytes]) -> Path:
    """Write files below a folder."""
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder
