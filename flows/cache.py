"""Results of stages by content: JSON files that only their owner can read."""

import contextlib
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from schemas.errors import FullDiskError, ResourceError
from tasks.dataset.store import FULL
from tasks.scratch import is_left, owner

FOLDER_MODE = 0o700
FILE_MODE = 0o600


class StageCache:
    """A folder of results; one that cannot be read counts as missing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.expanduser().absolute()

    def read(self, key: str, kind: TypeAdapter[Any]) -> tuple[Any] | None:
        """Return the result under a key in a tuple of one, or None where there is none."""
        try:
            content = (self._folder / key).read_bytes()
            return (kind.validate_json(content, strict=False),)
        except (OSError, ValidationError):
            return None

    def write(self, key: str, kind: TypeAdapter[Any], result: Any) -> None:
        """Store a result whole or not at all."""
        path = self._folder / key
        hidden = path.with_name(f".{path.name}.{owner()}.{secrets.token_hex(4)}")
        try:
            for folder in (self._folder, path.parent):
                folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
                folder.chmod(FOLDER_MODE)
            descriptor = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
            with os.fdopen(descriptor, "wb") as file:
                file.write(kind.dump_json(result))
            hidden.replace(path)
        except OSError as error:
            failure = FullDiskError if error.errno in FULL else ResourceError
            raise failure(
                f"The cache {self._folder} cannot be written: {error.strerror}; free some space "
                "or set another one (cache)."
            ) from error
        finally:
            with contextlib.suppress(OSError):
                hidden.unlink()

    def read_all(
        self, keys: Mapping[str, str], kinds: Mapping[str, TypeAdapter[Any]]
    ) -> dict[str, Any]:
        """Return the results that are there, by stage; clear what a killed run half wrote."""
        for folder in {(self._folder / key).parent for key in keys.values()}:
            for hidden in folder.glob(".*"):
                if is_left(hidden):
                    hidden.unlink(missing_ok=True)
        found = {name: self.read(keys[name], kind) for name, kind in kinds.items()}
        return {name: result[0] for name, result in found.items() if result is not None}
