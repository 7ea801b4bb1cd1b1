"""What scripts write for TensorBoard becomes the history of their run."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from forebear.errors import Conflict
from forebear.tracking import tensorboard as module
from forebear.tracking.event_files import EventFile, Histogram, Picture, _compact
from forebear.tracking.tensorboard import Follower, sync

np = pytest.importorskip("numpy")
tensorboardX = pytest.importorskip("tensorboardX")


class FakeRun:
    """Keeps what is logged, and calls what is to be called at the end."""

    def __init__(self) -> None:
        self.rows: list[tuple[int | None, dict[str, Any]]] = []
        self.callbacks: list[Any] = []
        self.logged = threading.Event()

    def log(self, row: dict[str, Any], step: int | None = None) -> None:
        self.rows.append((step, row))
        self.logged.set()

    def at_end(self, callback: Any) -> None:
        self.callbacks.append(callback)

    def finish(self) -> None:
        while self.callbacks:
            self.callbacks.pop()()

    def values(self, name: str) -> list[tuple[int | None, Any]]:
        return [(step, row[name]) for step, row in self.rows if name in row]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(module, "POLL_SECONDS", 0.01)
    made = FakeRun()
    yield made
    made.finish()
    assert module._followers == []


def writer(folder: str | None = None, **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from tensorboardX import SummaryWriter

        return SummaryWriter(folder, **options)


# -- event files ------------------------------------------------------------------------------------------------


def test_scalars_images_and_histograms_are_read(tmp_path: Path) -> None:
    with writer(str(tmp_path)) as out:
        for step in range(5):
            out.add_scalar("loss", 1 / (step + 1), step, walltime=1_000.5 + step)
        out.add_scalar("inf", float("inf"), -3)
        out.add_image("picture", np.zeros((3, 4, 5), dtype=np.uint8), 7)
        out.add_histogram("weights", np.arange(100.0), 8)
        out.add_text("note", "hello", 9)
    (path,) = tmp_path.iterdir()
    points = list(EventFile(path).read())
    loss = [point for point in points if point.tag == "loss"]
    assert [(point.step, point.time) for point in loss] == [(step, 1_000.5 + step) for step in range(5)]
    assert [point.value for point in loss] == pytest.approx([1 / (step + 1) for step in range(5)])
    by_tag = {point.tag: point for point in points}
    assert (by_tag["inf"].step, by_tag["inf"].value) == (-3, float("inf"))
    picture = by_tag["picture"].value
    assert isinstance(picture, Picture)
    assert picture.content.startswith(b"\x89PNG")
    histogram = by_tag["weights"].value
    assert isinstance(histogram, Histogram)
    assert sum(histogram.counts) == 100
    assert (histogram.edges[0], histogram.edges[-1]) == (0.0, 99.0)
    assert histogram.edges == sorted(histogram.edges)
    assert not [tag for tag in by_tag if tag.startswith("note")]


def tensor_events(folder: Path) -> Path:
    """Write summaries as TensorFlow 2 does: all of them tensors, the plugin told once."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.summary.writer.event_file_writer import EventFileWriter
    from tensorboard.util.tensor_util import make_tensor_proto

    def metadata(plugin: str) -> Any:
        return SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name=plugin))

    events = [
        ("lr", 0, make_tensor_proto(np.float32(0.5)), metadata("scalars")),
        ("lr", 1, TensorProto(dtype=1, float_val=[0.25]), None),
        ("count", 2, make_tensor_proto(np.int64(-7)), metadata("scalars")),
        ("w", 3, make_tensor_proto(np.array([[0, 1, 2], [1, 2, 5]], dtype=np.float64)), metadata("histograms")),
        ("i", 4, make_tensor_proto([b"4", b"4", b"\x89PNG..."]), metadata("images")),
        ("text", 5, make_tensor_proto([b"words"]), metadata("text")),
    ]
    out = EventFileWriter(str(folder))
    for tag, step, tensor, data in events:
        value = Summary.Value(tag=tag, tensor=tensor, metadata=data)
        out.add_event(Event(step=step, wall_time=1.0, summary=Summary(value=[value])))
    out.close()
    (path,) = folder.iterdir()
    return path


def test_tensors_are_read_as_their_plugin_means_them(tmp_path: Path) -> None:
    points = [(point.tag, point.step, point.value) for point in EventFile(tensor_events(tmp_path)).read()]
    assert points == [
        ("lr", 0, 0.5), ("lr", 1, 0.25), ("count", 2, -7.0),
        ("w", 3, Histogram([2.0, 5.0], [0.0, 1.0, 2.0])), ("i", 4, Picture(b"\x89PNG...")),
    ]  # fmt: skip


def test_a_file_is_followed_byte_by_byte(tmp_path: Path) -> None:
    with writer(str(tmp_path)) as out:
        for step in range(3):
            out.add_scalar("x", step, step)
    (path,) = tmp_path.iterdir()
    content = path.read_bytes()
    growing = tmp_path / "growing"
    file = EventFile(growing)
    steps = []
    with open(growing, "wb", buffering=0) as out:
        for at in range(len(content)):
            out.write(content[at : at + 1])
            steps += [point.step for point in file.read()]
    assert steps == [0, 1, 2]
    assert list(file.read()) == []


def test_what_is_no_event_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "x.tfevents"
    path.write_bytes(b"this is not an event file at all" * 10)
    assert list(EventFile(path).read()) == []
    good = EventFile(tensor_events(tmp_path / "good"))
    content = bytearray(good.path.read_bytes())
    record = bytes([3]) + bytes(7) + bytes(4) + b"\xff\xff\xff" + bytes(4)
    good.path.write_bytes(record + content)
    assert len(list(good.read())) == 5


def test_bins_of_histograms_are_joined_until_there_are_few() -> None:
    assert _compact([0, 0, 1, 0, 2, 0], [0, 1, 2, 3, 4, 5, 6]) == ([1, 0, 2], [2, 3, 4, 5])
    assert _compact([0, 0], [0, 1, 2]) == ([0, 0], [0, 1, 2])
    counts, edges = _compact([1.0] * 1_027, [float(edge) for edge in range(1_028)])
    assert (len(counts), len(edges), sum(counts)) == (257, 258, 1_027)
    assert (edges[0], edges[1], edges[-1]) == (0, 4, 1_027)
    assert edges == sorted(edges)


# -- following --------------------------------------------------------------------------------------------------


def test_writers_of_all_libraries_are_followed(run: Any, tmp_path: Path) -> None:
    sync(run)
    sync(run)
    with writer(str(tmp_path / "logs")) as out:
        for step in (10, 20):
            out.add_scalar("loss", step / 100, step)
            out.add_scalar("accuracy", 0.5, step)
        out.add_image("picture", np.zeros((3, 4, 5), dtype=np.uint8), 20)
        out.add_histogram("weights", np.arange(100.0), 20)
    tensor_events(tmp_path / "logs" / "validation")
    run.finish()
    assert run.values("loss") == [(10, pytest.approx(0.1)), (20, pytest.approx(0.2))]
    assert [step for step, _ in run.values("global_step")] == [value for _, value in run.values("global_step")]
    first = run.rows[0]
    assert first == (10, {"loss": pytest.approx(0.1), "accuracy": 0.5, "global_step": 10})
    assert run.values("validation/lr") == [(0, 0.5), (1, 0.25)]
    ((step, picture),) = run.values("picture")
    assert (step, type(picture).__name__, picture.width, picture.height) == (20, "Image", 5, 4)
    ((_, histogram),) = run.values("weights")
    assert sum(histogram.histogram) == 100


def test_values_are_logged_while_the_script_runs(run: Any, tmp_path: Path) -> None:
    sync(run)
    with writer(str(tmp_path)) as out:
        out.add_scalar("loss", 1.0, 1)
        deadline = time.monotonic() + 30
        while not run.logged.wait(0.01) and time.monotonic() < deadline:
            out.flush()  # which does not wait for what its own thread has not written yet
    assert run.values("loss") == [(1, 1.0)]


def test_what_earlier_runs_wrote_is_not_logged(run: Any, tmp_path: Path) -> None:
    with writer(str(tmp_path), filename_suffix=".old") as out:
        out.add_scalar("old", 1.0, 1)
    sync(run)
    with writer(str(tmp_path), filename_suffix=".new") as out:
        out.add_scalar("new", 2.0, 2)
    run.finish()
    assert (run.values("old"), run.values("new")) == ([], [(2, 2.0)])
    with writer(str(tmp_path), filename_suffix=".late") as out:
        out.add_scalar("late", 3.0, 3)
    assert run.values("late") == []


def test_names_are_relative_to_the_root(run: Any, tmp_path: Path) -> None:
    follower = Follower(run, tmp_path)
    follower.start()
    for folder in ("train", "deep/er"):
        with writer(str(tmp_path / folder)) as out:
            out.add_scalar("x", 1.0, 1)
    follower.add(str(tmp_path.parent / "elsewhere"))
    with writer(str(tmp_path.parent / "elsewhere")) as out:
        out.add_scalar("x", 2.0, 2)
    follower.stop()
    assert [(name, run.values(name)) for name in ("train/x", "deep/er/x", "elsewhere/x")] == [
        ("train/x", [(1, 1.0)]), ("deep/er/x", [(1, 1.0)]), ("elsewhere/x", [(2, 2.0)]),
    ]  # fmt: skip


def test_two_values_of_one_step_are_two_rows(run: Any, tmp_path: Path) -> None:
    sync(run)
    with writer(str(tmp_path)) as out:
        for value in (1.0, 2.0):
            out.add_scalar("x", value, 5)
    run.finish()
    assert run.values("x") == [(5, 1.0), (5, 2.0)]


def test_a_run_that_refuses_does_not_end_it(run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = run.log

    def refusing(row: dict[str, Any], step: int | None = None) -> None:
        if step == 1:
            raise Conflict("not now")
        log(row, step)

    run.log = refusing
    sync(run)
    with writer(str(tmp_path)) as out:
        out.add_scalar("x", 1.0, 1)
        out.add_scalar("x", 2.0, 2)
    run.finish()
    assert run.values("x") == [(2, 2.0)]
    assert "what was written for TensorBoard at step 1 is not kept: not now" in capsys.readouterr().err


def test_libraries_that_are_loaded_later_are_watched(tmp_path: Path) -> None:
    program = f"""
import warnings; warnings.simplefilter("ignore")
import sys
from forebear.tracking import tensorboard
class Run:
    rows = []
    def log(self, row, step=None): self.rows.append((step, row))
    def at_end(self, callback): self.callback = callback
run = Run()
tensorboard.patch(root_logdir={str(tmp_path)!r})
tensorboard.sync(run)
assert not [name for name in sys.modules if name.startswith(("tensorboardX", "tensorboard."))], sys.modules
import tensorboardX
from tensorboard.summary.writer.event_file_writer import EventFileWriter
with tensorboardX.SummaryWriter({str(tmp_path / "a")!r}) as out: out.add_scalar("x", 1.0, 1)
EventFileWriter({str(tmp_path / "b")!r}).close()
assert set(tensorboard._hooked) == {{"tensorboardX.event_file_writer", "tensorboard.summary.writer.event_file_writer"}}
run.callback()
print(run.rows)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[(1, {'a/x': 1.0, 'global_step': 1})]\n"


def test_a_forked_child_follows_nothing(run: Any, tmp_path: Path) -> None:
    follower = sync(run)
    pid = os.fork()
    if not pid:
        follower.add(str(tmp_path))
        follower.stop()
        os._exit(len(follower._folders))
    assert os.waitpid(pid, 0)[1] == 0


@pytest.fixture(scope="module")
def sound_events(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return tensor_events(tmp_path_factory.mktemp("events")).read_bytes()


@settings(max_examples=100)
@given(data=st.data())
def test_no_damage_breaks_the_reader(sound_events: bytes, data: st.DataObject) -> None:
    content = bytearray(sound_events)
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "damaged")
        path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
        for point in EventFile(path).read():
            assert isinstance(point.tag, str)
            assert isinstance(point.value, float | Histogram | Picture)
