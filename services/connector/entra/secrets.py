"""The secrets folder: one file a secret, read when it is needed and kept nowhere else."""

import asyncio
import hashlib
from dataclasses import dataclass
from pathlib import Path

from services.connector.domain import errors
from services.connector.domain.connection import Credential, CredentialKind
from services.connector.entra.credentials.materials import Material, SecretUnusable, material_of

_MOST_BYTES = 64 * 1024


class SecretMissing(Exception):
    """There is no such secret, or nothing in it. The text names it and holds none of it."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the secrets folder has no {name}, or it is empty")


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """What a file holds, without blanks around it, and a digest by which a change shows."""

    text: str
    digest: bytes


class SecretsFolder:
    """The folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def check(self, credential: Credential) -> None:
        """Whether a credential can be signed in with, as far as can be told here.

        Raises:
            WrongState: SECRET_NOT_FOUND, SECRET_UNUSABLE.
        """
        try:
            await asyncio.to_thread(self.material, credential)
        except SecretMissing:
            raise errors.secret_not_found(credential.name) from None
        except SecretUnusable as error:
            raise errors.secret_unusable(credential.name, str(error)) from None

    def material(self, credential: Credential) -> Material:
        """What a credential is proved with, as it is now. Reads the disk.

        Raises:
            SecretMissing: there is no such file.
            SecretUnusable: it holds something else.
        """
        if credential.kind is CredentialKind.MANAGED_IDENTITY:
            return material_of(credential, "", b"")
        secret = self.read(credential.name)
        return material_of(credential, secret.text, secret.digest)

    def digest(self, credential: Credential) -> bytes | None:
        """That of the file as it is now; None where there is none. Reads the disk."""
        try:
            return self.read(credential.name).digest
        except SecretMissing:
            return None

    def read(self, name: str) -> Secret:
        """The secret. Reads the disk.

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
                content = stream.read(_MOST_BYTES)
            # Some editors begin a file with a mark of its encoding.
            text = content.decode("utf-8-sig").strip()
        except (OSError, ValueError, RuntimeError):
            # The cause is left out: a decoding error quotes what it could not decode.
            raise SecretMissing(name) from None
        if not text:
            raise SecretMissing(name)
        return Secret(text, hashlib.sha256(content).digest())
