"""What every command is handed: where it looks, and how it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forebear.cli.output import Output
from forebear.settings import Settings, load_settings

if TYPE_CHECKING:
    from forebear.api.api import Api


class Session:
    """One call of the command line: the options that all commands share, and what follows from them."""

    def __init__(
        self,
        *,
        store: str | None = None,
        entity: str | None = None,
        project: str | None = None,
        as_json: bool = False,
        quiet: bool = False,
    ) -> None:
        self.options = {"store": store, "entity": entity, "project": project}
        self.output = Output(as_json=as_json, quiet=quiet)
        self._api: Api | None = None

    @property
    def settings(self) -> Settings:
        """The settings in force; an option counts most."""
        return load_settings(self.options)

    @property
    def api(self) -> Api:
        """The store, opened when a command first asks for it.

        Raises:
            NotFound: there is none.
        """
        if self._api is None:
            from forebear.api.api import Api  # 50 ms that init and a mistyped option are spared

            self._api = Api(self.options["store"], entity=self.options["entity"], project=self.options["project"])
        return self._api

    def scope(self, name: str) -> dict[str, Any]:
        """Return the settings for a name that may carry ``entity/project/`` in front."""
        *above, _ = name.split("/")
        given = dict(zip(("project", "entity"), reversed(above), strict=False))
        return {**self.options, **given}
