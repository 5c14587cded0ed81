"""The catalogue's rows as they are read: the shipped files with an operator's file laid over them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from mesrai.llm.catalogue_rows import (
    ModelRow,
    ProviderRow,
    Table,
    merged,
    overlay_tables,
    row_from,
    shipped_tables,
)

_Row = TypeVar("_Row", bound=msgspec.Struct)


class CatalogueFiles:
    """The shipped files and an operator's own, matched row by row."""

    def __init__(self, overlay: Path | None) -> None:
        """Read the operator's file, if there is one. Errors: SettingsError."""
        self._overlay: Mapping[str, Sequence[Table]] = overlay_tables(overlay) if overlay else {}
        self._overlay_name = str(overlay or "")

    def rows(
        self, file: str, kind: str, shape: type[_Row], merge: Callable[[Table, Table], Table] = merged
    ) -> Iterator[_Row]:
        """The shipped rows with the operator's merged in, then the operator's new ones. Errors: SettingsError."""
        over = {table["id"]: table for table in self._overlay.get(kind, ())}
        for table in shipped_tables(file, kind):
            own = over.pop(table["id"], None)
            yield row_from(merge(table, own), shape, self._overlay_name) if own else row_from(table, shape, file)
        for table in over.values():
            yield row_from(table, shape, self._overlay_name)

    def models(self, provider: ProviderRow) -> Iterator[ModelRow]:
        """The same for one provider's models."""
        over = {
            table["id"]: {**table, "providers": [provider.id]}
            for table in self._overlay.get("model", ())
            if provider.id in table.get("providers", ())
        }
        for file in (f"models/{name}.toml" for name in provider.models):
            for table in shipped_tables(file, "model"):
                if provider.id in table.get("providers", ()):
                    own = over.pop(table["id"], None)
                    yield (
                        row_from(merged(table, own), ModelRow, self._overlay_name)
                        if own
                        else row_from(table, ModelRow, file)
                    )
        for table in over.values():
            yield row_from(table, ModelRow, self._overlay_name)
