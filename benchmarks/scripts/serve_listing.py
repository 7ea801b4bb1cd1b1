"""Serve the listing of a bucket of very many objects: ``serve_listing.py OBJECTS DELAY``; prints its port.

Not a real S3 server: of that protocol it speaks what listing needs (ListObjectsV2 with prefix, delimiter, start-after
and continuation tokens, HEAD, and whether the bucket keeps versions), signs and checks nothing, and has no bytes. A
real one with a million objects would take longer to fill than anything here takes to measure. Each page waits ``DELAY``
seconds, as over a network. ``PUT /-/changed?COUNT`` gives so many objects other ETags, ``GET /-/asked`` tells how many
pages were asked for.
"""

from __future__ import annotations

import asyncio
import sys
from bisect import bisect_right
from hashlib import md5
from urllib.parse import parse_qs, quote, unquote, urlsplit

BUCKET = "many"
PREFIX = "data/"
FOLDER_OBJECTS = 100
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


class Bucket:
    """The objects: their names and ETags follow from their numbers."""

    def __init__(self, objects: int, delay: float) -> None:
        self.objects = objects
        self.delay = delay
        self.changed = 0
        self.asked = 0

    def name(self, number: int) -> str:
        """Return the name of an object; names are in the order of numbers."""
        return f"{PREFIX}d{number // FOLDER_OBJECTS:05d}/f{number % FOLDER_OBJECTS:02d}.bin"

    def page(self, query: dict[str, str]) -> str:
        """Return one answer of ListObjectsV2."""
        prefix, most = query.get("prefix", ""), int(query.get("max-keys", 1000))
        if query.get("delimiter"):
            return self._folders(prefix)
        numbers = range(self.objects)
        begin = bisect_right(numbers, query.get("start-after", ""), key=self.name)
        begin = int(query.get("continuation-token", begin))
        end = min(begin + most, self.objects)
        found = [
            f"<Contents><Key>{quote(self.name(number))}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
            f"<ETag>&quot;{self._etag(number)}&quot;</ETag><Size>{number}</Size>"
            "<StorageClass>STANDARD</StorageClass></Contents>"
            for number in range(begin, end)
        ]
        more = f"<NextContinuationToken>{end}</NextContinuationToken>" if end < self.objects else ""
        return _result("".join(found) + more, truncated=end < self.objects)

    def _folders(self, prefix: str) -> str:
        if not PREFIX.startswith(prefix):
            return _result("", truncated=False)
        return _result(f"<CommonPrefixes><Prefix>{PREFIX}</Prefix></CommonPrefixes>", truncated=False)

    def _etag(self, number: int) -> str:
        every = self.objects // self.changed if self.changed else 0
        state = "new" if every and number % every == 0 else "old"
        return md5(f"{number} {state}".encode(), usedforsecurity=False).hexdigest()


def _result(inner: str, *, truncated: bool) -> str:
    more = f"<IsTruncated>{str(truncated).lower()}</IsTruncated><EncodingType>url</EncodingType>"
    return f'{_HEAD}<ListBucketResult xmlns="{_NAMESPACE}"><Name>{BUCKET}</Name>{more}{inner}</ListBucketResult>'


async def _answer(bucket: Bucket, method: str, target: str) -> tuple[int, str]:
    path, raw = urlsplit(target).path, urlsplit(target).query
    query = {key: values[0] for key, values in parse_qs(raw, keep_blank_values=True).items()}
    match (method, unquote(path).strip("/")):
        case ("PUT", "-/changed"):
            bucket.changed = int(raw)
            return 200, ""
        case ("GET", "-/asked"):
            return 200, str(bucket.asked)
        case ("GET", name) if name == BUCKET and "versioning" in query:
            return 200, f'{_HEAD}<VersioningConfiguration xmlns="{_NAMESPACE}"/>'
        case ("GET", name) if name == BUCKET and "list-type" in query:
            bucket.asked += 1
            await asyncio.sleep(bucket.delay)
            return 200, bucket.page(query)
    return 404, ""


async def _serve(bucket: Bucket, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while line := await reader.readline():
            method, target, _ = line.decode().split(" ", 2)
            while (header := await reader.readline()) not in {b"\r\n", b""}:
                if header.lower().startswith(b"content-length:"):
                    assert int(header.split(b":")[1]) == 0, "no request here has a body"
            status, body = await _answer(bucket, method, target)
            content = b"" if method == "HEAD" else body.encode()
            head = f"HTTP/1.1 {status} .\r\nContent-Type: application/xml\r\nContent-Length: {len(content)}\r\n\r\n"
            writer.write(head.encode() + content)
            await writer.drain()
    except ConnectionError:
        pass  # a client that goes away has what it wanted
    finally:
        writer.close()


async def main(objects: int, delay: float) -> None:
    bucket = Bucket(objects, delay)
    server = await asyncio.start_server(lambda reader, writer: _serve(bucket, reader, writer), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
