"""`Artifact`: what scripts fill, log, use and download."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any

from forebear.artifacts.cleaning import checkout
from forebear.artifacts.commit import Labels, commit_draft
from forebear.artifacts.draft import Draft
from forebear.artifacts.entry_file import ArtifactFile, Referred
from forebear.artifacts.manifest import Manifest, build
from forebear.artifacts.metadata import normal_metadata
from forebear.artifacts.provenance import StoredRun, html_card
from forebear.artifacts.transfer import (
    Damage,
    damage_in_folder,
    damage_in_store,
    download,
    manifest_of,
    rows_under,
)
from forebear.artifacts.values import SUFFIXES, decode_value, encode_value, media_value
from forebear.errors import Conflict, CorruptData, InvalidInput, NotFound
from forebear.names import LATEST, check_alias, check_collection_name, check_tag, check_type_name
from forebear.records.artifacts import DELETED, Version
from forebear.records.content import Entry
from forebear.records.lineage import Direction, EdgeKind, Node
from forebear.settings import load_settings
from forebear.store.intake import Way
from forebear.store.paths import SafeFolder, safe_join
from forebear.store.shared import active_scope, active_store

if TYPE_CHECKING:
    from forebear.artifacts.manifest import Row
    from forebear.store.checkout import Progress
    from forebear.store.store import Store

#: What `add_file` and `add_dir` accept for ``policy``; content is always taken at once, so both mean the same here.
POLICIES = ("mutable", "immutable")


class Artifact:
    """A named set of files and references: a draft until it is logged, one immutable version afterwards.

    Content is taken into the store when it is added, once, so files may change or vanish before the artifact is
    logged. Description, metadata, aliases and tags of a version can be changed and saved; its content never.
    Not safe for several threads while it is a draft.
    """

    def __init__(
        self,
        name: str,
        type: str,
        description: str | None = None,
        metadata: dict[str, Any] | None = None,
        incremental: bool = False,
        use_as: str | None = None,
    ) -> None:
        """Begin a draft.

        Args:
            name: Name of the collection it will be a version of.
            type: Type of that collection, such as ``dataset`` or ``model``.
            metadata: JSON values; NaN becomes null.
            incremental: Begin with the files of the newest version of the collection, as `new_draft` does.
            use_as: Role under which runs use it.

        Raises:
            InvalidInput: a name is not allowed, or JSON cannot hold the metadata.
        """
        self._name = check_collection_name(name)
        self._type = check_type_name(type)
        self._version: Version | None = None
        self._store: Store | None = None
        self._draft: Draft | None = None
        self._description = description
        self._metadata = normal_metadata(metadata)
        self._aliases: list[str] = []
        self._tags: list[str] = []
        self._incremental = incremental
        self.use_as = use_as

    @classmethod
    def of_version(cls, store: Store, version: Version) -> Artifact:
        """Return the artifact for a version of a store."""
        artifact = cls(version.name, version.type)
        artifact._become(store, version)
        return artifact

    def _become(self, store: Store, version: Version) -> None:
        self._store, self._version, self._draft = store, version, None
        self._description = version.description
        self._metadata = dict(version.metadata)
        self._aliases = list(version.aliases)
        self._tags = list(version.tags)

    # -- what it is ---------------------------------------------------------------------------------------------

    def is_draft(self) -> bool:
        """Whether it has not been logged yet."""
        return self._version is None

    @property
    def record(self) -> Version:
        """The version as the catalog knows it.

        Raises:
            Conflict: it is still a draft.
        """
        if self._version is None:
            raise Conflict(
                f"artifact {self._name!r} has no version yet; log it with run.log_artifact(artifact) first",
                code="artifact-not-logged",
            )
        return self._version

    @property
    def store(self) -> Store:
        """The store that holds it, or that its content goes to."""
        if self._store is None:
            self._store = active_store()
        return self._store

    @property
    def name(self) -> str:
        """``name:v3`` of a version, the plain name of a draft."""
        return self._name if self._version is None else self._version.label

    @property
    def collection_name(self) -> str:
        """Name of the collection, without a version."""
        return self._name

    @property
    def source_name(self) -> str:
        """``name:v3``."""
        return self.record.label

    @property
    def qualified_name(self) -> str:
        """``entity/project/name:v3``."""
        return self.record.qualified_name

    @property
    def id(self) -> str:
        """Identity within the store; the qualified name, because a version never changes its name."""
        return self.record.qualified_name

    @property
    def entity(self) -> str:
        """Person or team."""
        return self.record.entity

    @property
    def project(self) -> str:
        """Project of the collection."""
        return self.record.project

    @property
    def type(self) -> str:
        """Type of the collection."""
        return self._type

    @property
    def version(self) -> str:
        """``v3``."""
        return f"v{self.record.number}"

    @property
    def state(self) -> str:
        """``PENDING`` for a draft, else ``COMMITTED`` or ``DELETED``."""
        return "PENDING" if self._version is None else self._version.state

    @property
    def created_at(self) -> str:
        """When the version came to be, ISO 8601 UTC."""
        return self.record.created_at.isoformat()

    @property
    def digest(self) -> str:
        """Digest of the manifest in hexadecimal: depends on paths and contents alone, equal in every store."""
        return (build(self._open_draft().rows()).root if self._version is None else self._version.root).hex()

    @property
    def size(self) -> int:
        """Bytes of all files and of the references whose size is known."""
        return self._open_draft().size if self._version is None else self._version.size

    @property
    def file_count(self) -> int:
        """Files and references."""
        return len(self._open_draft()) if self._version is None else self._version.file_count

    @property
    def added_bytes(self) -> int:
        """Bytes that logging this version added to the store."""
        return self.record.added_bytes

    @property
    def description(self) -> str | None:
        """Free text; `save` keeps a change."""
        return self._description

    @description.setter
    def description(self, text: str | None) -> None:
        self._description = text

    @property
    def metadata(self) -> dict[str, Any]:
        """JSON values about the version; `save` keeps a change."""
        return self._metadata

    @metadata.setter
    def metadata(self, values: dict[str, Any]) -> None:
        self._metadata = normal_metadata(values)

    @property
    def aliases(self) -> list[str]:
        """Movable names that stand on this version; `save` keeps a change."""
        return self._aliases

    @aliases.setter
    def aliases(self, names: Iterable[str]) -> None:
        self._aliases = [check_alias(name) for name in names]

    @property
    def tags(self) -> list[str]:
        """Free labels; `save` keeps a change."""
        return self._tags

    @tags.setter
    def tags(self, names: Iterable[str]) -> None:
        self._tags = [check_tag(name) for name in names]

    # -- filling a draft ----------------------------------------------------------------------------------------

    def _open_draft(self) -> Draft:
        if self._version is not None:
            raise Conflict(
                f"{self._version.label} is logged and never changes; make changes in artifact.new_draft()",
                code="artifact-final",
            )
        if self._draft is None:
            self._draft = Draft(self.store)
            if self._incremental:
                self._begin_with_newest(self._draft)
        return self._draft

    def _begin_with_newest(self, draft: Draft) -> None:
        self._draft = Draft(draft.store, self._newest_rows())

    def _newest_rows(self) -> Iterable[Row]:
        """Return the rows of the newest version of the collection; none where there is none."""
        catalog = self.store.catalog
        collection = catalog.collection(*active_scope(), self._name)
        newest = catalog.versions(collection.id)[:1] if collection else []
        return manifest_of(self.store, newest[0]).rows() if newest else ()

    def add_file(
        self,
        local_path: str | os.PathLike[str],
        name: str | None = None,
        is_tmp: bool | None = False,
        skip_cache: bool | None = False,
        policy: str | None = "mutable",
        overwrite: bool = False,
        link: bool = False,
        compress: bool = False,
    ) -> ArtifactFile:
        """Add a file.

        Args:
            name: Path inside the artifact, by default the file's own name.
            is_tmp: Delete the file once its content is taken.
            skip_cache: Accepted for scripts written for W&B; nothing is kept twice here.
            policy: Likewise: content is taken at once, whatever it says.
            overwrite: Replace a different file that the artifact has under this path.
            link: Hard-link a large file into the store instead of copying it. It becomes read-only, and it must not be
                written to by other means afterwards.
            compress: Store a large file in compressed pieces if it shrinks, such as weights, which shrink to three
                quarters or less. It then takes longer to add and to read, and cannot be linked. Small files, and what
                is new of a large one that resembles another, are compressed without being asked for.

        Raises:
            InvalidInput: there is no such file, or the path is not allowed.
            Conflict: the path is taken by different content, or the file changed while it was read.
        """
        self._check_policy(policy)
        entry = self._open_draft().add_file(local_path, name, Way(link, compress), overwrite=overwrite)
        if is_tmp:
            os.unlink(local_path)
        return ArtifactFile(self, entry)

    def add_dir(
        self,
        local_path: str | os.PathLike[str],
        name: str | None = None,
        skip_cache: bool | None = False,
        policy: str | None = "mutable",
        merge: bool = False,
        overwrite: bool = False,
        link: bool = False,
        progress: Progress | None = None,
        compress: bool = False,
    ) -> int:
        """Add all files below a folder, symbolic links followed; return how many.

        Args:
            name: Folder inside the artifact, by default its root.
            merge: The same as ``overwrite``, W&B's name for it.
            overwrite: Replace different files that the artifact has under the same paths.
            link: As in `add_file`.
            progress: Called with the files and bytes taken since its last call.
            compress: As in `add_file`.

        Raises:
            InvalidInput: something in there is no readable file; the message names it, and nothing is added.
            Conflict: a path is taken by different content, or a file changed while it was read.
        """
        self._check_policy(policy)
        way = Way(link, compress)
        return self._open_draft().add_tree(local_path, name, way, overwrite=overwrite or merge, progress=progress)

    def add_reference(
        self,
        uri: str | os.PathLike[str] | ArtifactFile,
        name: str | None = None,
        checksum: bool | str = True,
        max_objects: int | None = None,
        overwrite: bool = False,
    ) -> Sequence[ArtifactFile]:
        """Add what a URI names without copying its bytes: one object, or all objects below a prefix; return them.

        Args:
            uri: Anything that fsspec opens: ``s3://``, ``gs://``, ``az://``, ``http(s)://``, ``file://``, ….
            name: Path inside the artifact; for a prefix the folder that its objects lie in.
            checksum: True records what the system tells of the content (etag, version, generation); ``"blake3"`` reads
                and hashes it, unless the newest version has it with the same etag, version or generation; False records
                the URI alone.
            max_objects: Refuse a prefix with more objects.

        Raises:
            NotFound: nothing is there.
            Unsupported: nobody knows the protocol, or its package is not installed.
            StorageFailure: the system behind the URI cannot be reached, or refuses.
        """
        target = uri.ref_target() if isinstance(uri, ArtifactFile) else os.fspath(uri)
        rows = self._open_draft().add_reference(
            target, name, checksum=checksum, max_objects=max_objects, overwrite=overwrite, before=self._newest_rows
        )
        return Referred(self, rows)

    def add(self, obj: Any, name: str, overwrite: bool = False) -> ArtifactFile:
        """Add a value: text, bytes, JSON values, a NumPy array, a data frame, or a media object with its files.

        Args:
            name: Path inside the artifact, without the suffix that tells what it is.

        Raises:
            InvalidInput: the value has no form without pickle.
            Conflict: another value has the name, and ``overwrite`` is not set.
        """
        media = media_value(obj)
        if media is not None:
            from forebear.artifacts.media import add_media  # 3 ms, only for media

            return ArtifactFile(self, add_media(self._open_draft(), media, name, overwrite=overwrite))
        path, content = encode_value(obj, name)
        return ArtifactFile(self, self._open_draft().add_bytes(content, path, overwrite=overwrite))

    @contextlib.contextmanager
    def new_file(
        self, name: str, mode: str = "x", encoding: str | None = None, overwrite: bool = False
    ) -> Iterator[IO[Any]]:
        """Give a file to write; it becomes part of the artifact when the block ends without an error.

        Args:
            mode: ``x`` or ``w`` for text, ``xb`` or ``wb`` for bytes.
        """
        if mode not in {"x", "w", "xb", "wb"}:
            raise InvalidInput(f"mode {mode!r} is not known; use x, w, xb or wb", code="invalid-mode")
        from tempfile import TemporaryDirectory  # 8 ms

        draft = self._open_draft()
        if mode.startswith("x") and not overwrite and draft.get(name) is not None:
            raise Conflict(f"the artifact has {name!r} already; open it with mode 'w'", code="path-taken")
        with TemporaryDirectory(prefix="forebear-") as folder:
            path = os.path.join(folder, "new")
            text = None if "b" in mode else encoding or "utf-8"
            with open(path, mode, encoding=text, newline=None if "b" in mode else "") as file:
                yield file
            draft.add_file(path, name, overwrite=overwrite or mode.startswith("w"))

    def remove(self, item: str | os.PathLike[str] | ArtifactFile) -> None:
        """Remove a file, or all files of a folder, from a draft.

        Raises:
            NotFound: there is none.
        """
        path = item.path if isinstance(item, ArtifactFile) else os.fspath(item)
        if not self._open_draft().remove(path):
            raise NotFound(f"the artifact has no file or folder {path!r}", code="path-not-found")

    def new_draft(self) -> Artifact:
        """Return a draft with the content of this version, to be changed and logged as the next one."""
        version = self.record
        draft = Artifact(version.name, version.type, version.description, version.metadata, use_as=self.use_as)
        draft._store = self.store
        draft._draft = Draft(self.store, self.manifest.rows())
        return draft

    def _check_policy(self, policy: str | None) -> None:
        if policy is not None and policy not in POLICIES:
            raise InvalidInput(f"policy {policy!r} is not known; use {' or '.join(POLICIES)}", code="invalid-policy")

    # -- becoming a version -------------------------------------------------------------------------------------

    def commit(
        self,
        store: Store,
        entity: str,
        project: str,
        *,
        aliases: Iterable[str] = (),
        tags: Iterable[str] = (),
        run_key: int | None = None,
        expect: str | None = None,
    ) -> bool:
        """Make the draft a version (`Run.log_artifact` calls this); return whether it is a new one.

        Raises:
            Conflict: the collection has another type, ``expect`` does not hold, or it is no draft.
        """
        draft = self._open_draft()
        draft.move_to(store)
        names = [check_alias(alias) for alias in (*self._aliases, *aliases) if alias != LATEST]
        labels = Labels(
            entity=entity,
            project=project,
            name=self._name,
            type=self._type,
            description=self._description,
            metadata=normal_metadata(self._metadata),
            aliases=tuple(dict.fromkeys(names)),
            tags=tuple(dict.fromkeys(check_tag(tag) for tag in (*self._tags, *tags))),
            expect=expect,
        )
        committed = commit_draft(draft, labels, run_key)
        self._become(store, committed.version)
        return committed.created

    def save(self) -> None:
        """Keep changes of description, metadata, aliases and tags; a draft is logged, without a run.

        Raises:
            NotFound: the version was deleted in between.
        """
        if self._version is None:
            self.commit(self.store, *active_scope())
            return
        catalog, old = self.store.catalog, self._version
        wanted = [check_alias(alias) for alias in self._aliases if alias != LATEST]
        for alias in set(wanted) - set(old.aliases):
            catalog.move_alias(old.id, alias)
        for alias in set(old.aliases) - set(wanted) - {LATEST}:
            catalog.remove_alias(old.collection_id, alias)
        version = catalog.update_version(
            old.id,
            description=self._description or "",
            metadata=normal_metadata(self._metadata),
            tags=tuple(check_tag(tag) for tag in self._tags),
        )
        self.store.write_records(patient=False)
        self._become(self.store, version)

    def wait(self, timeout: int | None = None) -> Artifact:
        """Return at once: a version is there when logging returns. For scripts written for W&B.

        Raises:
            Conflict: it was never logged.
        """
        _ = self.record
        return self

    def delete(self, delete_aliases: bool = False) -> None:
        """Delete the version; its number is never used again, its lineage stays.

        Raises:
            Conflict: aliases other than ``latest`` stand on it and ``delete_aliases`` is false.
        """
        version = self.record
        self.store.catalog.delete_version(version.id, delete_aliases=delete_aliases)
        self.store.write_records(patient=False)
        self._version = self.store.catalog.versions_by_id([version.id])[version.id]
        assert self._version.state == DELETED
        self._aliases = []

    # -- reading ------------------------------------------------------------------------------------------------

    @property
    def manifest(self) -> Manifest:
        """The sorted list of entries of a version; pages are read as they are needed."""
        return manifest_of(self.store, self.record)

    def get_entry(self, name: str | os.PathLike[str]) -> ArtifactFile:
        """Return the file at a path.

        Raises:
            NotFound: there is none.
        """
        path = os.fspath(name)
        entry = self._open_draft().get(path) if self._version is None else self.manifest.get(path)
        if entry is None:
            raise NotFound(f"artifact {self.name} has no file {path!r}", code="path-not-found")
        return ArtifactFile(self, entry)

    def get_path(self, name: str | os.PathLike[str]) -> ArtifactFile:
        """The old name of `get_entry`."""
        return self.get_entry(name)

    def get(self, name: str) -> Any:
        """Return the value that `add` kept under ``name``, or ``None`` where there is none."""
        manifest = self.manifest
        for path in (name, *(name + suffix for suffix in SUFFIXES)):
            if manifest.get(path) is not None:
                return self._value(path)
        from forebear.artifacts.media import media_path  # 3 ms, only for media

        found = media_path(name, (row[0] for row in manifest.rows(f"{name}.")))
        return self._value(found) if found is not None else None

    def _value(self, path: str) -> Any:
        content = self.read(path)
        if path.endswith(".json"):
            from forebear.artifacts.media import decode_media  # 3 ms, only for media and JSON

            media = decode_media(path, content, self.read)
            if media is not None:
                return media
        return decode_value(path, content)

    def read(self, path: str) -> bytes:
        """Return the content of one file, verified.

        Raises:
            NotFound: there is no such file.
            CorruptData: its bytes are damaged, or a reference changed.
        """
        entry = self.get_entry(path).entry
        if entry.ref is None and entry.digest is not None:
            return self.store.read(entry.digest)
        from tempfile import TemporaryDirectory  # 8 ms, only for references

        with (
            TemporaryDirectory(prefix="forebear-") as folder,
            open(self.download_entry(entry, folder), "rb") as file,
        ):
            return file.read()

    def files(self, names: list[str] | None = None, per_page: int = 50) -> list[ArtifactFile]:
        """Return all files sorted by path, or those of ``names``. ``per_page`` is accepted and not needed."""
        rows = self._open_draft().rows() if self._version is None else list(self.manifest.rows())
        wanted = set(names) if names is not None else None
        return [ArtifactFile(self, Entry.from_row(row)) for row in rows if wanted is None or row[0] in wanted]

    def _folder(self, root: str | os.PathLike[str] | None) -> str:
        if root is not None:
            return os.fspath(root)
        # Windows does not allow ':' in names of files.
        label = self.record.label if os.sep == "/" else self.record.label.replace(":", "-")
        return safe_join(load_settings().artifact_dir, label)

    def download(
        self,
        root: str | os.PathLike[str] | None = None,
        allow_missing_references: bool = False,
        skip_cache: bool | None = None,
        path_prefix: str | os.PathLike[str] | None = None,
        multipart: bool | None = None,
        link: bool = False,
        progress: Progress | None = None,
    ) -> str:
        """Put the files below a folder, verified; return the folder.

        Files that are there and unchanged are not touched; other files of the folder stay.

        Args:
            root: Folder; by default ``artifacts/name:v3`` (`FOREBEAR_ARTIFACT_DIR` moves it).
            allow_missing_references: Pass over references whose object is gone.
            skip_cache: Accepted for scripts written for W&B, as is ``multipart``.
            path_prefix: Only files whose path begins so.
            link: Hard-link large files, read-only, instead of copying them.
            progress: Called with the files and bytes put in place since its last call.

        Raises:
            CorruptData: a file is damaged in the store, or a reference changed.
            NotFound: nothing begins with ``path_prefix``.
        """
        folder = self._folder(root)
        download(
            self.store,
            self.record,
            folder,
            path_prefix=None if path_prefix is None else os.fspath(path_prefix),
            link=link,
            allow_missing_references=allow_missing_references,
            progress=progress,
        )
        return folder

    def download_entry(self, entry: Entry, root: str | os.PathLike[str] | None = None) -> str:
        """Put one file below a folder; return its path."""
        folder = self._folder(root)
        download(self.store, self.record, folder, path=entry.path)
        return SafeFolder(folder).join(entry.path)

    def checkout(self, root: str | os.PathLike[str] | None = None) -> str:
        """Make a folder hold exactly this version: as `download`, and files that are not of it are deleted.

        Raises:
            InvalidInput: the store, the current folder or home lie in the folder; nothing was touched.
        """
        folder = self._folder(root)
        checkout(self.store, self.record, folder)
        return folder

    def verify(self, root: str | os.PathLike[str] | None = None) -> None:
        """Prove that the version is whole: in the store, or in the folder ``root``.

        Raises:
            CorruptData: it is not; the message names every file that is hit (the first ones of many).
        """
        damage = (
            damage_in_store(self.store, self.record)
            if root is None
            else list(damage_in_folder(self.store, self.record, os.fspath(root)))
        )
        if damage:
            shown = "; ".join(f"{item.path}: {item.problem}" for item in damage[:10])
            more = f"; and {len(damage) - 10} more" if len(damage) > 10 else ""
            raise CorruptData(f"{self.name} is not whole: {shown}{more}", code="version-damaged")

    def damage(self, root: str | os.PathLike[str] | None = None) -> list[Damage]:
        """Return what `verify` would complain of, file by file."""
        if root is None:
            return damage_in_store(self.store, self.record)
        return list(damage_in_folder(self.store, self.record, os.fspath(root)))

    def file(self, root: str | os.PathLike[str] | None = None) -> str:
        """Download the only file of an artifact of one file; return its path.

        Raises:
            InvalidInput: it has several, or none.
        """
        rows = rows_under(self.manifest, None)
        if len(rows) != 1:
            raise InvalidInput(
                f"{self.name} has {len(rows)} files; download() them, or get_entry(path).download() one",
                code="not-one-file",
            )
        return self.download_entry(Entry.from_row(rows[0]), root)

    # -- lineage ------------------------------------------------------------------------------------------------

    def logged_by(self) -> StoredRun[Artifact] | None:
        """Return the run that made this version, or ``None`` if no run did."""
        runs = self._runs(Direction.UPSTREAM, (EdgeKind.LOGGED,))
        return runs[0] if runs else None

    def used_by(self) -> list[StoredRun[Artifact]]:
        """Return the runs that used this version, in the order of first use."""
        return self._runs(Direction.DOWNSTREAM, (EdgeKind.USED, EdgeKind.FEEDBACK))

    def _runs(self, direction: Direction, kinds: tuple[EdgeKind, ...]) -> list[StoredRun[Artifact]]:
        catalog = self.store.catalog
        edges = sorted(catalog.edges([Node.of_version(self.record.id).key], direction, kinds), key=lambda edge: edge.at)
        keys = [Node(edge.source if direction is Direction.UPSTREAM else edge.target).row_id for edge in edges]
        records = catalog.runs_by_key(keys)
        return [StoredRun(self.store, records[key], Artifact.of_version) for key in dict.fromkeys(keys)]

    def __repr__(self) -> str:
        return f"<Artifact {self.name} ({self.type})>" if self._version is None else f"<Artifact {self.qualified_name}>"

    def _repr_html_(self) -> str:
        if self._version is None:
            return html_card(self._name, "draft", [("type", self._type), ("files", str(self.file_count))])
        rows = [
            ("type", self._type),
            ("files", f"{self.file_count:,}"),
            ("bytes", f"{self.size:,}"),
            ("aliases", ", ".join(self._aliases) or "–"),
            ("digest", self.digest[:16]),
            *((f"metadata.{key}", str(value)) for key, value in self._metadata.items()),
        ]
        return html_card(self.name, self.qualified_name, rows)
