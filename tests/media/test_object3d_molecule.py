"""Scenes and molecules: their checks, and that they come back."""

from __future__ import annotations

import io
import json
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forebear.errors import InvalidInput, Unsupported
from forebear.media.molecule import Molecule
from forebear.media.object3d import Object3D
from forebear.media.registry import revive
from tests.media.kept_files import Files
from tests.media.tensors import Tensor

CORNERS = [[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)]

# -- clouds -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("columns", [3, 4, 6])
@pytest.mark.parametrize("dtype", ["float64", "float32", "int32"])
def test_points_come_back(columns: int, dtype: str) -> None:
    points = (np.random.default_rng(0).random((20, columns)) * 10).astype(dtype)
    files = Files()
    cloud = Object3D(points, caption="c")
    value = cloud.to_json(files)
    assert value["_type"] == "object3D-file"
    assert value["path"].endswith(".pts.json")
    assert np.array_equal(np.array(json.loads(files.read(value["path"])), dtype=dtype), points)
    back = revive(value, files.read)
    assert back == cloud
    assert isinstance(back, Object3D)
    assert np.array_equal(np.array(back.scene, dtype=dtype), points)
    assert Object3D(Tensor(points), caption="c") == Object3D(points.tolist(), caption="c") == cloud
    assert Object3D.from_numpy(points).scene == back.scene


@pytest.mark.parametrize("points", [np.zeros((4, 5)), np.zeros(3), np.zeros((2, 3, 3)), np.array([["a", "b", "c"]])])
def test_what_is_no_cloud(points: Any) -> None:
    with pytest.raises(InvalidInput, match="are no cloud: that is numbers of shape"):
        Object3D(points)


def test_points_that_are_nowhere_are_counted() -> None:
    points = np.zeros((5, 3))
    points[1, 2] = points[3, 0] = np.nan
    points[3, 1] = np.inf
    with pytest.raises(InvalidInput, match="2 of 5 points have a coordinate that is not finite"):
        Object3D(points)


def test_a_scene_has_boxes_and_arrows() -> None:
    box = {"corners": np.array(CORNERS), "label": "car", "color": (255, 0, 0), "score": np.float32(0.5)}
    cloud = Object3D.from_point_cloud(
        np.zeros((2, 3)), [box, {"corners": CORNERS}], [{"start": [0, 0, 0], "end": np.ones(3), "color": [1, 2, 3]}]
    )
    assert cloud.scene == {
        "type": "lidar/beta",
        "points": [[0.0, 0.0, 0.0]] * 2,
        "boxes": [
            {"corners": CORNERS, "label": "car", "color": [255, 0, 0], "score": 0.5},
            {"corners": CORNERS, "label": "", "color": [255, 255, 255]},
        ],
        "vectors": [{"start": [0, 0, 0], "end": [1.0, 1.0, 1.0], "color": [1, 2, 3]}],
    }
    assert Object3D(cloud.scene) == cloud
    assert Object3D({"type": "lidar/beta"}).scene == {"type": "lidar/beta", "points": [], "boxes": [], "vectors": []}


@pytest.mark.parametrize(
    ("scene", "message"),
    [
        ({"type": None}, "the type of a scene is 'lidar/beta', not None"),
        ({"type": "lidar"}, "not 'lidar'"),
        ({"boxes": 5}, "the boxes of a scene are a list, not 5"),
        ({"boxes": [7]}, "box 0 of a scene is a dict with 'corners', not 7"),
        ({"boxes": [{"corners": CORNERS}, {"corners": CORNERS[:7]}]}, "corners of box 1 are eight points"),
        ({"boxes": [{"corners": [[0, 0]] * 8}]}, "a corner of box 0 is three numbers"),
        ({"boxes": [{"corners": CORNERS, "color": "red"}]}, "color of box 0 is three numbers, not 'red'"),
        ({"boxes": [{"corners": CORNERS, "score": float("nan")}]}, "score of box 0 is finite, not nan"),
        ({"vectors": [{"start": [0, 0, 0]}]}, "vector 0 of a scene is a dict with 'start' and 'end'"),
        ({"vectors": [{"start": [0, 0, 0], "end": [0, "x", 0]}]}, "end of vector 0 is finite, not 'x'"),
        ({"points": [[0, 0]]}, "are no cloud"),
    ],
)
def test_a_bad_part_of_a_scene_is_named(scene: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        Object3D({"type": "lidar/beta", **scene})


# -- models -----------------------------------------------------------------------------------------------------------


def test_a_model_is_kept_byte_for_byte(tmp_path: Path) -> None:
    file = tmp_path / "Cube.OBJ"
    file.write_bytes(b"v 0 0 0")
    files = Files()
    model = Object3D.from_file(str(file))
    value = model.to_json(files)
    assert value["path"].endswith(".obj")
    assert files.read(value["path"]) == b"v 0 0 0"
    assert Object3D(io.BytesIO(b"v 0 0 0"), file_type="obj") == model
    assert Object3D.from_file(io.StringIO("v 0 0 0"), "obj") == model
    assert revive(value, files.read) == model
    with pytest.raises(InvalidInput, match="this is a obj model, not a cloud"):
        _ = model.scene
    assert Object3D("gs://bucket/a.glb").url == "gs://bucket/a.glb"


def test_types_of_models_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(InvalidInput, match=r"of type obj, gltf, glb, babylon, stl, pts.json, not '.txt'"):
        Object3D(tmp_path / "a.txt")
    with pytest.raises(InvalidInput, match="not None; pass file_type"):
        Object3D(io.BytesIO(b""))
    with pytest.raises(InvalidInput, match="from_numpy for points"):
        Object3D.from_file(np.zeros((1, 3)))
    with pytest.raises(InvalidInput, match="from_numpy takes an array"):
        Object3D.from_numpy("a.obj")
    with pytest.raises(InvalidInput, match="not a int"):
        Object3D(3)


# -- molecules --------------------------------------------------------------------------------------------------------


def test_a_molecule_is_kept_byte_for_byte(tmp_path: Path) -> None:
    file = tmp_path / "water.pdb"
    file.write_bytes(b"ATOM")
    files = Files()
    molecule = Molecule(file, caption="water")
    value = molecule.to_json(files)
    assert value["_type"] == "molecule-file"
    assert value["path"].startswith("media/molecule/")
    assert files.read(value["path"]) == b"ATOM"
    assert molecule.file_type == "pdb"
    assert revive(value, files.read) == molecule
    assert Molecule(b"ATOM", "water", "PDB") == Molecule(io.StringIO("ATOM"), "water", "pdb") == molecule


def test_types_of_molecules_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.mol").write_text("")
    with pytest.raises(InvalidInput, match=r"pdb, pqr, .* not '.mol'; read mol, sdf, smi with from_rdkit"):
        Molecule(tmp_path / "a.mol")
    with pytest.raises(InvalidInput, match="not None; pass file_type"):
        Molecule(io.BytesIO(b"ATOM"))


def test_without_rdkit_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rdkit", None)
    for make in (Molecule.from_smiles, Molecule.from_rdkit):
        with pytest.raises(Unsupported, match="pip install rdkit"):
            make("CCO")


class Mol:
    """A molecule of the rdkit below."""

    def __init__(self, text: str, place: int = 0) -> None:
        self.text, self.place = text, place


@pytest.fixture
def rdkit(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What `Molecule` asks of rdkit, which is too large for the tests; the calls are noted."""
    calls: list[Any] = []

    def embed(mol: Mol, randomSeed: int) -> int:
        mol.place = randomSeed
        return -1 if mol.text == "flat+H" else 0

    chem, every = types.ModuleType("rdkit.Chem"), types.ModuleType("rdkit.Chem.AllChem")
    made = {
        "Mol": Mol,
        "MolFromSmiles": lambda text, sanitize=True: None if text == "no" else Mol(text),
        "MolFromMolFile": lambda path: None if "bad" in path else Mol(Path(path).read_text()),
        "AddHs": lambda mol: Mol(f"{mol.text}+H"),
        "MolToPDBBlock": lambda mol: f"PDB {mol.text} {mol.place}",
    }
    chem.__dict__.update(made)
    every.__dict__["EmbedMolecule"] = embed
    every.__dict__["MMFFOptimizeMolecule"] = lambda mol, maxIters: calls.append(maxIters)
    for module in (types.ModuleType("rdkit"), chem, every):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return calls


def test_a_molecule_of_rdkit_becomes_pdb(rdkit: list[Any], tmp_path: Path) -> None:
    assert Molecule.from_smiles("CCO", caption="c").content == b"PDB CCO+H 1"
    assert Molecule.from_smiles("CCO", mmff_optimize_molecule_max_iterations=7).file_type == "pdb"
    assert rdkit == [200, 7]
    assert Molecule.from_rdkit(Mol("x"), convert_to_3d_and_optimize=False).content == b"PDB x 0"
    (tmp_path / "a.mol").write_text("y")
    assert Molecule.from_rdkit(tmp_path / "a.mol").content == b"PDB y+H 1"
    (tmp_path / "b.smi").write_text("CC acetone\nO water\n")
    assert Molecule.from_rdkit(str(tmp_path / "b.smi")).content == b"PDB CC+H 1"


def test_what_rdkit_cannot_read_is_said(rdkit: list[Any], tmp_path: Path) -> None:
    (tmp_path / "bad.mol").write_text("")
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(InvalidInput, match="cannot read 'no' as SMILES"):
        Molecule.from_smiles("no")
    with pytest.raises(InvalidInput, match=r"cannot read the molecule in .*bad\.mol"):
        Molecule.from_rdkit(tmp_path / "bad.mol")
    with pytest.raises(InvalidInput, match=r"a\.txt is not of a type that rdkit reads here"):
        Molecule.from_rdkit(tmp_path / "a.txt")
    with pytest.raises(InvalidInput, match="nothing is there"):
        Molecule.from_rdkit(tmp_path / "gone.mol")
    with pytest.raises(InvalidInput, match=r"takes a rdkit\.Chem\.Mol or a path, not int"):
        Molecule.from_rdkit(3)
    with pytest.raises(InvalidInput, match="finds no places"):
        Molecule.from_rdkit(Mol("flat"))
