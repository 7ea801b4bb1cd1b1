"""What a journal says is read in order, while it is written and afterwards; damage takes only what it hits."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebear.tracking.journal import frames
from forebear.tracking.journal.frames import HEAD_BYTES, Kind, SummaryChange, build
from forebear.tracking.journal.place import journals_in
from forebear.tracking.journal.reader import JournalReader
from tests.tracking.journal.journals import SESSION, Said, open_writer

KEYS = ("loss", "acc")


def start() -> list[bytes]:
    """The frames that a journal with one set of keys begins with."""
    return [build(Kind.SESSION, SESSION)] * 2 + [build(Kind.KEYS, (0, KEYS))] * 2


def row(step: int, flags: int = 0) -> bytes:
    return build(Kind.ROW, (0, step, step * 10, float(step), step), flags)


def write(path: Path, *parts: bytes) -> Path:
    path.write_bytes(b"".join(parts))
    return path


def steps(said: Said) -> list[int]:
    return [step for _, step, _, _ in said.rows]


# -- as it is written ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 40, 100, 4_096])
def test_pieces_of_any_size_say_the_same(tmp_path: Path, limit: int) -> None:
    path = write(tmp_path / "j", *start(), *map(row, range(50)), build(Kind.BLOB, (b"d" * 32, b"x" * 5_000)), row(50))
    said = Said(path, limit=limit)
    assert steps(said) == list(range(51))
    assert (said.reader.frames, said.reader.position) == (56, path.stat().st_size)
    assert said.reader.damage == []


def test_sequence_numbers_are_places_in_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "j", *start(), row(3), row(1))
    with closing(JournalReader(path)) as reader:
        (rows,) = reader.read(1 << 20).rows
    begin = sum(map(len, start()))
    assert rows.seqs == [SESSION.first_seq + begin, SESSION.first_seq + begin + len(row(3))]


@pytest.mark.parametrize("cut", range(1, len(row(7))))
def test_a_frame_that_is_being_written_is_waited_for(tmp_path: Path, cut: int) -> None:
    path = write(tmp_path / "j", *start(), row(1), row(7)[:cut])
    with closing(JournalReader(path)) as reader:
        assert len(reader.read(1 << 20).rows[0].rows) == 1
        assert reader.read(1 << 20).empty
        with path.open("ab") as file:
            file.write(row(7)[cut:] + row(8))
        assert [found[1] for found in reader.read(1 << 20).rows[0].rows] == [7, 8]
        assert reader.damage == []


def test_reading_goes_on_from_a_position(tmp_path: Path) -> None:
    path = write(tmp_path / "j", *start(), *map(row, range(10)), build(Kind.SUMMARY, SummaryChange(delete=[("a",)])))
    position = sum(map(len, start())) + 4 * len(row(0))
    said = Said(path, position=position)
    assert steps(said) == list(range(4, 10))
    assert said.reader.session == SESSION
    with closing(JournalReader(path, path.stat().st_size)) as reader:
        assert list(reader.values_before(Kind.SUMMARY)) == [SummaryChange(delete=[("a",)])]
        assert list(reader.values_before(Kind.CONFIG)) == []


def test_a_definition_begins_a_piece(tmp_path: Path) -> None:
    metric = build(Kind.METRIC, {"name": "loss"})
    path = write(tmp_path / "j", *start(), metric, row(0), row(1), metric, metric, row(2), build(Kind.END, ()))
    found = []
    with closing(JournalReader(path)) as reader:
        while not (piece := reader.read(1 << 20)).empty:
            found.append((len(piece.values), [line[1] for rows in piece.rows for line in rows.rows]))
        assert reader.ended
    assert found == [(1, [0, 1]), (2, [2])]


def test_a_deleted_journal_can_still_be_read(tmp_path: Path) -> None:
    path = write(tmp_path / "j", *start(), row(0))
    with closing(JournalReader(path)) as reader:
        assert not reader.file.gone
        path.unlink()
        assert reader.file.gone
        assert len(reader.read(1 << 20).rows) == 1
        write(path, *start())
        assert reader.file.gone


# -- what a newer forebear writes ------------------------------------------------------------------------------------


def test_unknown_kinds_and_flags_are_passed_over_and_counted(tmp_path: Path) -> None:
    strange = [build(40, {"new": 1}), build(Kind.CONFIG, {}, 1), build(Kind.ROW, (0, 1, 1, 0.5, 1), 8)]
    path = write(tmp_path / "j", *start(), row(0), *strange, row(1))
    said = Said(path)
    assert steps(said) == [0, 1]
    assert dict(said.reader.unknown) == {40: 1, Kind.CONFIG: 1, Kind.ROW: 1}
    assert said.reader.damage == []


def test_a_newer_form_is_not_read(tmp_path: Path) -> None:
    newer = build(Kind.SESSION, {**_as_dict(), "format": frames.FORMAT + 1})
    said = Said(write(tmp_path / "j", newer, newer, *start()[2:], row(0)))
    assert said.reader.newer
    assert (said.rows, said.reader.position) == ([], 0)


def _as_dict() -> dict[str, Any]:
    return {name: getattr(SESSION, name) for name in SESSION.__struct_fields__}


# -- damage ----------------------------------------------------------------------------------------------------------

WHOLE = b"".join([*start(), *map(row, range(12)), build(Kind.NAMED_ROW, (12, 120, {"x": "y"})), row(13)])
PLACES = [WHOLE.index(row(step)) for step in range(12)]


@pytest.mark.parametrize("final", [True, False])
@given(place=st.integers(0, len(WHOLE) - 1), bit=st.integers(0, 7))
def test_a_flipped_bit_takes_no_more_than_its_frame(
    tmp_path_factory: pytest.TempPathFactory, final: bool, place: int, bit: int
) -> None:
    data = bytearray(WHOLE)
    data[place] ^= 1 << bit
    path = write(tmp_path_factory.getbasetemp() / "flip", bytes(data))
    said = Said(path, final=final)
    hit = _frame_with(place)
    wanted = [step for step in range(14) if step != hit]
    # While somebody may still write, a length that reaches beyond the end cannot be told from a frame to come.
    if final or said.reader.position == len(WHOLE):
        assert steps(said) == wanted
        assert [one.offset for one in said.reader.damage] == [_start_of(place)]
        assert said.reader.session == SESSION
    else:
        assert steps(said) == wanted[: len(said.rows)]


def _frames() -> list[tuple[int, int]]:
    found, at = [], 0
    while at < len(WHOLE):
        length = HEAD_BYTES + frames.HEAD.unpack_from(WHOLE, at)[2]
        found.append((at, at + length))
        at += length
    return found


FRAMES = _frames()


def _start_of(place: int) -> int:
    return next(begin for begin, end in FRAMES if begin <= place < end)


def _frame_with(place: int) -> int | None:
    """Step of the row whose frame holds a byte."""
    number = [begin for begin, _ in FRAMES].index(_start_of(place)) - len(start())
    return number if number >= 0 else None


@given(cut=st.integers(0, len(WHOLE)))
def test_a_torn_end_takes_no_more_than_itself(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    path = write(tmp_path_factory.getbasetemp() / "torn", WHOLE[:cut])
    said = Said(path)
    sound = [end for _, end in FRAMES if end <= cut]
    last = sound[-1] if sound else 0
    assert len(said.rows) == max(0, len(sound) - len(start()))
    assert said.reader.position == cut
    assert [(one.offset, one.length, one.torn) for one in said.reader.damage] == (
        [(last, cut - last, True)] if last < cut else []
    )


@given(begin=st.integers(0, len(WHOLE)), garbage=st.binary(max_size=80))
def test_garbage_between_frames_takes_nothing(
    tmp_path_factory: pytest.TempPathFactory, begin: int, garbage: bytes
) -> None:
    border = min((end for _, end in FRAMES), key=lambda end: abs(end - begin))
    path = write(tmp_path_factory.getbasetemp() / "garbage", WHOLE[:border], garbage, WHOLE[border:])
    said = Said(path)
    assert steps(said) == list(range(14))
    assert sum(one.length for one in said.reader.damage) == len(garbage)


@pytest.mark.parametrize("tail", [1, 11, 4_096, 3_000_000])
def test_zeros_at_the_end_are_torn(tmp_path: Path, tail: int) -> None:
    said = Said(write(tmp_path / "j", WHOLE, bytes(tail)))
    assert steps(said) == list(range(14))
    assert [(one.offset, one.length, one.torn) for one in said.reader.damage] == [(len(WHOLE), tail, True)]


def test_a_hole_of_zeros_takes_what_it_covers(tmp_path: Path) -> None:
    begin, end = PLACES[3] + 5, PLACES[8] + 5
    said = Said(write(tmp_path / "j", WHOLE[:begin], bytes(end - begin), WHOLE[end:]))
    assert steps(said) == [0, 1, 2, 9, 10, 11, 12, 13]
    (damage,) = said.reader.damage
    assert (damage.offset, damage.length, damage.torn) == (PLACES[3], PLACES[9] - PLACES[3], False)
    assert damage.frames_before == len(start()) + 3


@given(garbage=st.binary(max_size=300))
def test_a_file_of_garbage_says_nothing(tmp_path_factory: pytest.TempPathFactory, garbage: bytes) -> None:
    said = Said(write(tmp_path_factory.getbasetemp() / "noise", garbage))
    assert (said.rows, said.reader.position) == ([], len(garbage))


def test_both_frames_of_keys_lost_is_told_for_each_row(tmp_path: Path) -> None:
    path = write(tmp_path / "j", *start()[:2], row(0), build(Kind.KEYS, (1, ("x",))), build(Kind.ROW, (1, 1, 1, 5)))
    said = Said(path)
    assert said.named == [{"x": 5}]
    (damage,) = said.reader.damage
    assert (damage.length, damage.reason) == (len(row(0)), "a row whose keys are lost")


def test_keys_are_found_anywhere_in_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "j", row(0), *start(), row(1))
    with closing(JournalReader(path)) as reader:
        reader.look_around()
        assert reader.session == SESSION
        assert [found[1] for found in reader.read(1 << 20).rows[0].rows] == [0, 1]


def test_a_sound_frame_that_makes_no_sense_is_damage(tmp_path: Path) -> None:
    path = write(tmp_path / "j", *start(), row(0), build(Kind.SUMMARY, 5), row(1), build(Kind.ROW, "text"), row(2))
    said = Said(path)
    assert steps(said) == [0, 1, 2]
    assert {one.reason for one in said.reader.damage} == {"a frame that cannot be understood"}


def test_a_broken_head_in_a_large_frame_costs_that_frame_alone(tmp_path: Path) -> None:
    blob = bytearray(build(Kind.BLOB, (b"d" * 32, bytes(range(256)) * 10_000)))
    blob[9] ^= 0x40
    said = Said(write(tmp_path / "j", *start(), row(0), bytes(blob), row(1)), limit=4_096)
    assert steps(said) == [0, 1]
    assert [one.length for one in said.reader.damage] == [len(blob)]


def test_what_the_writer_wrote_survives_any_flip_in_its_head(tmp_path: Path) -> None:
    writer = open_writer(tmp_path / "j")
    for step in range(3):
        writer.row(step, step, {"a": step})
    writer.close()
    (path,) = journals_in(tmp_path / "j")
    whole = path.read_bytes()
    for place in range(0, whole.index(frames.lead_of(Kind.ROW)), 3):
        damaged = bytearray(whole)
        damaged[place] ^= 0x10
        said = Said(write(tmp_path / "copy", bytes(damaged)))
        assert said.named == [{"a": 0}, {"a": 1}, {"a": 2}]
        assert said.reader.session is not None
