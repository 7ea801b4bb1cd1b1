r"""How values travel between Python and PostgreSQL.

Text may hold any character here, while PostgreSQL takes no NUL. So NUL is kept as ``\\x01\\x01`` and ``\\x01`` as
``\\x01\\x02``: different texts stay different and their order in bytes stays what it was. Booleans and enumerations
are integers, as in SQLite, and all integers have 64 bits, so that a statement is prepared once for all of them.
"""

from __future__ import annotations

import psycopg
from psycopg.adapt import AdaptersMap
from psycopg.types.numeric import Int8BinaryDumper
from psycopg.types.string import StrBinaryDumper, StrDumper, TextBinaryLoader, TextLoader


def escaped(text: bytes) -> bytes:
    """UTF-8 as it is kept."""
    if b"\1" in text:
        text = text.replace(b"\1", b"\1\2")
    return text.replace(b"\0", b"\1\1") if b"\0" in text else text


def unescaped(text: str) -> str:
    """A text as it was given, from what is kept."""
    return text.replace("\1\1", "\0").replace("\1\2", "\1") if "\1" in text else text


class _TextDumper(StrDumper):
    oid = psycopg.postgres.types["text"].oid

    def dump(self, obj: str) -> bytes:
        return escaped(obj.encode())


class _BinaryTextDumper(StrBinaryDumper):
    def dump(self, obj: str) -> bytes:
        return escaped(obj.encode())


class _TextLoader(TextLoader):
    def load(self, data: bytes | bytearray | memoryview) -> str:
        return unescaped(bytes(data).decode())


class _BinaryTextLoader(TextBinaryLoader):
    def load(self, data: bytes | bytearray | memoryview) -> str:
        return unescaped(bytes(data).decode())


def adapters() -> AdaptersMap:
    """What a connection of forebear converts with."""
    found = AdaptersMap(psycopg.adapters)
    # Of two forms the one registered last is preferred; lists of texts take the other.
    found.register_dumper(str, _TextDumper)
    found.register_dumper(str, _BinaryTextDumper)
    found.register_dumper(int, Int8BinaryDumper)
    found.register_dumper(bool, Int8BinaryDumper)
    found.register_loader("text", _TextLoader)
    found.register_loader("text", _BinaryTextLoader)
    return found
