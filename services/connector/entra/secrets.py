"""The secrets folder: one file a secret, read when it is needed and kept nowhere else."""

import asyncio
from pathlib import Path

_MOST_BYTES = 64 * 1024


class SecretMissing(Exception):
    """There is no such secret, or nothing in it. The text names it and holds none of it."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the secrets folder has no {name}, or it is empty")


class SecretsFolder:
    """The folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def has(self, name: str) -> bool:
        """Whether there is a secret of this name, and something in it."""
        try:
            await asyncio.to_thread(self.read, name)
        except SecretMissing:
            return False
        return True

    def read(self, name: str) -> str:
        """The secret, without blanks around it. Reads the disk.

        Raises:
            SecretMissing: there is none.
        """
        try:
            folder = self._folder.resolve(strict=True)
            # Links are followed first: what they lead to must be in the folder too.
            file = (folder / name).resolve(strict=True)
            if not file.is_relative_to(folder) or not file.is_file():
                raise SecretMissing(name)
            with file.open("rb") as stream:
                content = stream.read(_MOST_BYTES).decode("utf-8").strip()
        except (OSError, ValueError, RuntimeError):
            # The cause is left out: a decoding error quotes what it could not decode.
            raise SecretMissing(name) from None
        if not content:
            raise SecretMissing(name)
        return content
