"""`python -m tools.audit verify`: what it says, and with which status it ends."""

from pathlib import Path

import pytest

from libs.audit.keys import KeyFile, key_id_of, public_keys
from tests.support import chain
from tools.audit.__main__ import main
from tools.audit.lines import Line


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An export of a chain whose key was replaced half way, and the public keys."""
    records = chain.records(40)
    first, second = chain.head(records[19], 0), chain.head(records[39], 20, key=2)
    lines: list[Line] = [*records[:20], first, *records[20:], second]
    (tmp_path / "audit.jsonl").write_bytes(b"".join(chain.export(lines)))
    (tmp_path / "heads.jsonl").write_bytes(b"".join(chain.export([first, second])))
    for number in (1, 2):
        (tmp_path / f"{number}.pub").write_bytes(chain.public_pem(number))
    (tmp_path / "both.pub").write_bytes(chain.public_pem(1) + chain.public_pem(2))
    return tmp_path


def _run(capsys: pytest.CaptureFixture[str], folder: Path, *words: str) -> tuple[int, str, str]:
    status = main(["verify", *(str(folder / it) if "." in it else it for it in words)])
    said = capsys.readouterr()
    return status, said.out, said.err


def test_intact(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 0 with all keys that signed, each in a file of its own or together."""
    for keys in (("--key", "1.pub", "--key", "2.pub"), ("--key", "both.pub")):
        ended = _run(capsys, folder, "audit.jsonl", *keys, "--heads", "heads.jsonl")
        assert ended == (0, "intact: 40 records, 2 heads, signed up to record 40\n", "")


def test_broken(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 1, and each problem with its kind: an edit, a key that is not given, another
    service's chain, an end that is missing."""
    status, out, _ = _run(capsys, folder, "audit.jsonl", "--key", "1.pub")
    assert status == 1
    assert "\nforeign: head 40 is signed with an unknown key, " in out
    assert "BROKEN: 40 records, 2 heads, signed up to record 20" in out
    ended = _run(capsys, folder, "audit.jsonl", "--key", "both.pub", "--service", "policy")
    assert "foreign: head 20 is of the chain of requests, not policy" in ended[1]

    export = folder / "audit.jsonl"
    whole = export.read_bytes()
    export.write_bytes(whole.replace(b"thg_7", b"thg_8"))
    status, out, _ = _run(capsys, folder, "audit.jsonl", "--key", "both.pub")
    assert (status, out.splitlines()[0]) == (1, "edited: record 8 is not as it was written")
    export.write_bytes(b"".join(whole.splitlines(keepends=True)[:-1]))
    status, out, _ = _run(capsys, folder, "audit.jsonl", "--key", "both.pub")
    assert status == 1
    assert out.startswith("truncated: the export has no end: it was cut off behind record 40")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "there is nothing in it"),
        (b"no JSON", "line 1: it is no line of an export"),
        (b"[]", "line 1: it is no line of an export"),
        (b'{"type":"record"}', "line 1: it is no line of an export"),
        (b'{"type":"end","export_time":"never","sequence":0,"hash":""}', "its end has no time"),
        (b"[" * 100_000, "line 1: it is no line of an export"),
        (b"\xff", "line 1: it is no line of an export"),
    ],
)
def test_unusable(
    folder: Path, capsys: pytest.CaptureFixture[str], content: bytes, says: str
) -> None:
    """Status 2 and a sentence for what is no export."""
    (folder / "audit.jsonl").write_bytes(content)
    status, out, err = _run(capsys, folder, "audit.jsonl", "--key", "both.pub")
    assert (status, out) == (2, "")
    assert says in err


def test_unusable_keys(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 2 too; the file is named, and nothing of what is in it."""
    (folder / "no.pub").write_text("no key")
    (folder / "bad.pub").write_text(
        "-----BEGIN PUBLIC KEY-----\ns3cret\n-----END PUBLIC KEY-----\n"
    )
    for file, says in (
        ("no.pub", "no.pub: there is no Ed25519 key in it"),
        ("bad.pub", "bad.pub: it is not an unencrypted key as PEM"),
        ("absent.pub", "No such file"),
    ):
        status, _, err = _run(capsys, folder, "audit.jsonl", "--key", file)
        assert status == 2
        assert says in err and "s3cret" not in err


def test_a_key_file_has_one_private_key(tmp_path: Path) -> None:
    """And former public ones; neither two private keys nor none are taken, nor another kind."""
    file = tmp_path / "audit.pem"
    for wrong in (
        chain.key_pem(1) + chain.key_pem(2),
        chain.public_pem(1),
        b"",
        b"-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n",
    ):
        file.write_bytes(wrong)
        with pytest.raises(ValueError):
            KeyFile(file)
    file.write_bytes(chain.key_pem(1, 2, 3))
    ids = {key_id_of(chain.signing_key(number).public_key()) for number in (1, 2, 3)}
    assert set(KeyFile(file).public_keys) == ids
    assert set(public_keys(file.read_bytes())) == ids
