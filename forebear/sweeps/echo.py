"""What children print, shown where their agent runs as well as kept in their logs."""

from __future__ import annotations

import sys
from pathlib import Path

#: Bytes read of one log at a time.
_PIECE_BYTES = 64 * 1024


class Echo:
    """Shows the whole lines that come into logs, with the number of the trial in front where several run."""

    def __init__(self, *, prefixed: bool) -> None:
        self._prefixed = prefixed
        self._seen: dict[Path, tuple[int, bytes]] = {}

    def show(self, log: Path, number: int, *, last: bool = False) -> None:
        """Show what is new in a log; with ``last``, also a line without an end, and then forget it."""
        position, rest = self._seen.get(log, (0, b""))
        try:
            with log.open("rb") as file:
                file.seek(position)
                while piece := file.read(_PIECE_BYTES):
                    position += len(piece)
                    *lines, rest = (rest + piece).split(b"\n")
                    self._print(lines, number)
        except OSError:
            pass
        self._seen[log] = (position, rest)
        if last:
            self._print([rest] if rest else [], number)
            del self._seen[log]

    def _print(self, lines: list[bytes], number: int) -> None:
        front = f"[{number}] " if self._prefixed else ""
        for line in lines:
            # A bar that draws itself over and over is shown as it is last.
            text = line.rstrip(b"\r").rpartition(b"\r")[2].decode("utf-8", "replace")
            _say(f"{front}{text}")
        if lines and sys.stdout is not None:
            sys.stdout.flush()


def _say(text: str) -> None:
    try:
        print(text)
    except UnicodeEncodeError:  # of what the terminal cannot show no trial may come to an end
        print(text.encode(sys.stdout.encoding, "replace").decode(sys.stdout.encoding))
