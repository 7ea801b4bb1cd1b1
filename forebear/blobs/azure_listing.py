"""One page of a listing of Azure, which fsspec's file system for it gives only whole."""

from __future__ import annotations

from typing import Any


def azure_page(
    system: Any, container: str, prefix: str, *, after: str | None, objects: int
) -> tuple[list[tuple[str, dict[str, Any]]], str | None]:
    """Return the next blobs whose names begin with a prefix, and the mark behind which the rest is.

    Args:
        system: adlfs's file system.
        after: The mark of the page before; ``None`` for the first.
        objects: Blobs of a page, at most 5,000.

    Returns:
        The name of each blob in its container, and what ``system.info`` tells of it. No mark after the last page.

    Raises:
        azure.core.exceptions.AzureError: what the service answers, or that it does not.

    Cost: one request.
    """
    from fsspec.asyn import sync

    async def page() -> tuple[list[tuple[str, dict[str, Any]]], str | None]:
        async with system.service_client.get_container_client(container=container) as client:
            # The metadata say which empty blobs stand for folders.
            blobs = client.list_blobs(name_starts_with=prefix, include=["metadata"], results_per_page=objects)
            pages = blobs.by_page(after)
            found = [blob async for blob in await anext(pages)]
            told = await system._details(found)
            return [(blob.name, info) for blob, info in zip(found, told, strict=True)], pages.continuation_token or None

    return sync(system.loop, page)  # type: ignore[no-any-return]
