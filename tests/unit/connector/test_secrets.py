"""The secrets folder: what is a secret, which kind it is, and that nothing of it is told."""

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from libs.domain.errors import WrongState
from services.connector.domain.connection import Credential, CredentialKind
from services.connector.entra.credentials.materials import SecretUnusable
from services.connector.entra.secrets import SecretMissing, SecretsFolder
from tests.support import pem

_MARKER = "m4rker-secret"
_FOLDERS = ["missing", "empty", "folder", ".", "..", "../outside", "out"]
_DAY = timedelta(days=1)


def _credential(kind: CredentialKind, name: str = "file") -> Credential:
    return Credential(kind, name)


class TestFiles:
    def test_is_read_without_blanks(self, tmp_path: Path) -> None:
        """Editors leave a line break at the end, and some a mark of the encoding before it all."""
        (tmp_path / "contoso").write_text(f"\ufeff  {_MARKER}\n")
        assert SecretsFolder(tmp_path).read("contoso").text == _MARKER

    @pytest.mark.parametrize("name", _FOLDERS)
    async def test_anything_else_is_no_secret(self, tmp_path: Path, name: str) -> None:
        """Neither what is empty, nor a folder, nor anything outside, links included."""
        folder = tmp_path / "secrets"
        (folder / "folder").mkdir(parents=True)
        (folder / "empty").write_text("\n ")
        (tmp_path / "outside").write_text(_MARKER)
        (folder / "out").symlink_to(tmp_path / "outside")
        secrets = SecretsFolder(folder)
        with pytest.raises(WrongState) as refused:
            await secrets.check(_credential(CredentialKind.CLIENT_SECRET, name))
        assert refused.value.reason == "SECRET_NOT_FOUND"
        with pytest.raises(SecretMissing) as raised:
            secrets.read(name)
        assert _MARKER not in str(raised.value)
        assert secrets.digest(_credential(CredentialKind.CLIENT_SECRET, name)) is None

    def test_what_is_no_text_is_not_quoted(self, tmp_path: Path) -> None:
        """A decoding error would quote what it could not decode."""
        (tmp_path / "binary").write_bytes(_MARKER.encode() + b"\xff\xfe")
        with pytest.raises(SecretMissing) as raised:
            SecretsFolder(tmp_path).read("binary")
        assert raised.value.__cause__ is None and _MARKER not in str(raised.value)

    def test_a_link_within_the_folder_is_followed(self, tmp_path: Path) -> None:
        """As in the volumes that Kubernetes mounts, where the folder behind the link changes."""
        for number in (1, 2):
            (tmp_path / f"..{number}").mkdir()
            (tmp_path / f"..{number}" / "contoso").write_text(f"{_MARKER}-{number}")
        (tmp_path / "..data").symlink_to(tmp_path / "..1")
        (tmp_path / "contoso").symlink_to(Path("..data") / "contoso")
        secrets = SecretsFolder(tmp_path)
        first = secrets.read("contoso")
        (tmp_path / "..next").symlink_to(tmp_path / "..2")
        (tmp_path / "..next").rename(tmp_path / "..data")
        second = secrets.read("contoso")
        assert (first.text, second.text) == (f"{_MARKER}-1", f"{_MARKER}-2")
        assert first.digest != second.digest

    def test_what_is_read_is_in_no_representation(self, tmp_path: Path) -> None:
        """A debugger, a log line or a failed assertion shows that it is there, and no more."""
        (tmp_path / "file").write_text(_MARKER)
        secrets = SecretsFolder(tmp_path)
        material = secrets.material(_credential(CredentialKind.CLIENT_SECRET))
        assert _MARKER not in f"{secrets.read('file')!r} {material!r} {material}"


def _bad_certificates() -> dict[str, tuple[str, str]]:
    key, other = pem.rsa_key(), pem.rsa_key(2)
    curve = ec.generate_private_key(ec.SECP256R1())
    good = pem.key_pair()
    locked = pem.private_key(key, password=b"locked")
    older_locked = pem.private_key(key, password=b"locked", traditional=True)
    short = pem.rsa_key(3, 1024)
    spoilt_certificate = good.certificate.replace("\nM", "\nx", 1)
    spoilt_key = good.key.replace("\n", "\nAAAA", 1)
    return {
        "nothing": (_MARKER, "neither a private key nor a certificate"),
        "certificate_only": (good.certificate, "a certificate and no private key"),
        "key_only": (good.key, "a private key and no certificate"),
        "two_keys": (good.file + pem.private_key(other), "more than one private key"),
        "encrypted": (locked + good.certificate, "is encrypted"),
        "encrypted_as_of_old": (older_locked + good.certificate, "is encrypted"),
        "curve": (pem.private_key(curve) + pem.certificate(curve), "not an RSA key"),
        "short": (pem.private_key(short) + pem.certificate(short), "1024 bits"),
        "of_another_key": (good.key + pem.certificate(other), "belongs to its private key"),
        "expired": (
            good.key + pem.certificate(key, starts=-2 * _DAY, ends=-_DAY),
            "its certificate expired on",
        ),
        "too_early": (
            good.key + pem.certificate(key, starts=_DAY, ends=2 * _DAY),
            "is not valid before",
        ),
        "cut_key": (good.key[:200] + good.certificate, "a certificate and no private key"),
        "spoilt_key": (spoilt_key + good.certificate, "can't be read"),
        "spoilt_certificate": (good.key + spoilt_certificate, "can't be read"),
    }  # fmt: skip


class TestKinds:
    @pytest.mark.parametrize("case", sorted(_bad_certificates()))
    async def test_what_is_wrong_with_a_certificate_is_said(
        self, tmp_path: Path, case: str
    ) -> None:
        """In words of ours, and without a line of what the file holds."""
        text, words = _bad_certificates()[case]
        (tmp_path / "file").write_text(text)
        with pytest.raises(WrongState) as raised:
            await SecretsFolder(tmp_path).check(_credential(CredentialKind.CERTIFICATE))
        assert raised.value.reason == "SECRET_UNUSABLE"
        assert words in raised.value.message, raised.value.message
        assert raised.value.facts["name"] == "file"
        assert not any(line in raised.value.message for line in text.splitlines() if line)

    @pytest.mark.parametrize("traditional", [False, True])
    def test_a_chain_begins_with_the_keys_own(self, tmp_path: Path, traditional: bool) -> None:
        """Whatever the order in the file, and of two for the same key the one that lasts longer."""
        key = pem.rsa_key()
        own = pem.certificate(key, ends=5 * _DAY)
        older, issuer = pem.certificate(key), pem.certificate(pem.rsa_key(2))
        private = pem.private_key(key, traditional=traditional)
        (tmp_path / "file").write_text(issuer + older + private + own)
        material = SecretsFolder(tmp_path).material(_credential(CredentialKind.CERTIFICATE))
        assert isinstance(material.credential, dict)
        assert material.credential["private_key"] == private.strip()
        assert material.credential["public_certificate"] == f"{own.strip()}\n{issuer.strip()}"

    @pytest.mark.parametrize(
        ("kind", "text", "words"),
        [
            (CredentialKind.CLIENT_SECRET, "-----BEGIN PRIVATE KEY-----\nMIIx", "no client secret"),
            (CredentialKind.CLIENT_SECRET, f"{_MARKER}\nand more", "more than one line"),
            (CredentialKind.FEDERATED_TOKEN, _MARKER, "does not hold a token"),
            (CredentialKind.FEDERATED_TOKEN, "-----BEGIN PRIVATE KEY-----", "hold a token"),
        ],
    )
    async def test_a_file_of_another_kind_is_not_sent(
        self, tmp_path: Path, kind: CredentialKind, text: str, words: str
    ) -> None:
        """A private key that was named as a client secret would be handed over as it is."""
        (tmp_path / "file").write_text(text)
        with pytest.raises(SecretUnusable) as raised:
            SecretsFolder(tmp_path).material(_credential(kind))
        assert words in str(raised.value) and _MARKER not in str(raised.value)

    async def test_a_machines_identity_needs_no_file(self, tmp_path: Path) -> None:
        """There is nothing to look for."""
        credential = Credential(CredentialKind.MANAGED_IDENTITY)
        await SecretsFolder(tmp_path / "missing").check(credential)
