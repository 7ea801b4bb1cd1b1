"""Molecules."""

from __future__ import annotations

from typing import Any, ClassVar

from forebear.errors import InvalidInput, Unsupported
from forebear.media.base import content_of, existing_file
from forebear.media.files import FileMedia, is_path, path_source, suffix_of

#: Suffixes of files that are kept as they are.
FILE_TYPES = ("pdb", "pqr", "mmcif", "mcif", "cif", "sdf", "sd", "gro", "mol2", "mmtf")
#: Suffixes of files that rdkit reads, to be kept as pdb.
RDKIT_TYPES = ("mol", "sdf", "smi")


class Molecule(FileMedia):
    """One molecule.

    Args:
        data_or_path: The path, an open file or the bytes of a pdb, pqr, mmcif, mcif, cif, sdf, sd, gro, mol2 or mmtf.
        caption: Text beside the molecule.
        file_type: Which of these an open file or bytes are.

    Raises:
        InvalidInput: nothing is there, or the type is unknown.
    """

    kind: ClassVar[str] = "molecule-file"
    folder: ClassVar[str] = "molecule"
    SUPPORTED_TYPES: ClassVar[frozenset[str]] = frozenset(FILE_TYPES)
    SUPPORTED_RDKIT_TYPES: ClassVar[frozenset[str]] = frozenset(RDKIT_TYPES)

    def __init__(self, data_or_path: Any, caption: object = None, file_type: str | None = None) -> None:
        if is_path(data_or_path):
            source, suffix = path_source(data_or_path, "a molecule")
            super().__init__(source, f".{_file_type(suffix)}", caption)
        else:
            suffix = f".{_file_type(file_type)}"
            super().__init__(content_of(data_or_path, "a molecule"), suffix, caption)

    @property
    def file_type(self) -> str:
        """Suffix of the file without its dot, such as ``"pdb"``."""
        return self._suffix.lstrip(".")

    @classmethod
    def from_rdkit(
        cls,
        data_or_path: Any,
        caption: object = None,
        convert_to_3d_and_optimize: bool = True,
        mmff_optimize_molecule_max_iterations: int = 200,
    ) -> Molecule:
        """Return a molecule of rdkit, or the one in a mol, sdf or smi file, as pdb.

        Args:
            data_or_path: A ``rdkit.Chem.Mol``, or a path.
            caption: Text beside the molecule.
            convert_to_3d_and_optimize: Compute where its atoms are, which forms without places (SMILES) need.
            mmff_optimize_molecule_max_iterations: Bound of that computation.

        Raises:
            Unsupported: rdkit is not installed.
            InvalidInput: rdkit cannot read the molecule.
        """
        chem, all_chem = _rdkit()
        molecule = _read(chem, data_or_path) if is_path(data_or_path) else data_or_path
        if not isinstance(molecule, chem.Mol):
            raise InvalidInput(
                f"from_rdkit takes a rdkit.Chem.Mol or a path, not {type(molecule).__name__}", code="media-type"
            )
        if convert_to_3d_and_optimize:
            molecule = chem.AddHs(molecule)
            # A seed, so that the same molecule is stored once.
            if all_chem.EmbedMolecule(molecule, randomSeed=1) < 0:
                raise InvalidInput("rdkit finds no places for the molecule's atoms", code="media-molecule")
            all_chem.MMFFOptimizeMolecule(molecule, maxIters=mmff_optimize_molecule_max_iterations)
        return cls(chem.MolToPDBBlock(molecule).encode(), caption, "pdb")

    @classmethod
    def from_smiles(
        cls,
        data: str,
        caption: object = None,
        sanitize: bool = True,
        convert_to_3d_and_optimize: bool = True,
        mmff_optimize_molecule_max_iterations: int = 200,
    ) -> Molecule:
        """Return the molecule that a SMILES text writes, as pdb.

        Raises:
            Unsupported: rdkit is not installed.
            InvalidInput: the text is no SMILES.
        """
        chem, _ = _rdkit()
        molecule = chem.MolFromSmiles(data, sanitize=sanitize)
        if molecule is None:
            raise InvalidInput(f"rdkit cannot read {data!r:.100} as SMILES", code="media-molecule")
        return cls.from_rdkit(molecule, caption, convert_to_3d_and_optimize, mmff_optimize_molecule_max_iterations)


def _file_type(name: str | None) -> str:
    found = (name or "").lower().lstrip(".")
    if found not in FILE_TYPES:
        hint = f"; read {', '.join(RDKIT_TYPES)} with from_rdkit" if found in RDKIT_TYPES else ""
        hint = hint if name else "; pass file_type"
        raise InvalidInput(
            f"a molecule is a file of type {', '.join(FILE_TYPES)}, not {name!r}{hint}",
            code="media-format",
        )
    return found


def _rdkit() -> tuple[Any, Any]:
    from importlib import import_module

    try:
        return import_module("rdkit.Chem"), import_module("rdkit.Chem.AllChem")
    except ImportError as err:
        raise Unsupported("reading a molecule needs rdkit: pip install rdkit", code="needs-rdkit") from err


def _read(chem: Any, path: Any) -> Any:
    file = existing_file(path, "a molecule")
    readers = {".mol": chem.MolFromMolFile, ".sdf": chem.MolFromMolFile, ".smi": _first_smiles(chem)}
    reader = readers.get(suffix_of(file.name))
    if reader is None:
        raise InvalidInput(
            f"{file} is not of a type that rdkit reads here: {', '.join(RDKIT_TYPES)}", code="media-format"
        )
    molecule = reader(str(file))
    if molecule is None:
        raise InvalidInput(f"rdkit cannot read the molecule in {file}", code="media-molecule")
    return molecule


def _first_smiles(chem: Any) -> Any:
    def read(path: str) -> Any:
        with open(path, encoding="utf-8") as file:
            return chem.MolFromSmiles((file.readline().split() or [""])[0])

    return read
