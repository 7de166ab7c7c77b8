"""The search for secrets finds them."""

from pathlib import Path

from tests.support.canaries import found_below, found_in
from tests.support.issuer import TestIssuer


def test_every_kind_of_secret_is_found(issuer: TestIssuer) -> None:
    """Tokens of people and services, whole or cut behind their claims' beginning, keys, and what
    was named; and nothing in what is none."""
    for token in (issuer.named("Ada"), issuer.service("requests")):
        assert len([*found_in(f'{{"problem": "{token} is wrong"}}'.encode())]) == 1
        head, claims, _ = token.split(".")
        assert [*found_in(f"{head}.{claims[:20]}".encode())]
        assert not [*found_in(head.encode())], "a header says nothing of anybody"
    assert [*found_in(b"-----BEGIN RSA PRIVATE KEY-----\nMII")]
    assert [*found_in(b"x hunter2 y", [b"hunter2"])]
    assert not [*found_in(b"eyJhbGciOiJSUzI1NiJ9 and app_01m8kmt.eyJ", [b"hunter2"])]


def test_files_are_searched_but_for_those_that_are_spared(
    issuer: TestIssuer, tmp_path: Path
) -> None:
    """Each hit is named by its file; what must hold secrets is passed over."""
    (tmp_path / "logs").mkdir()
    (tmp_path / "keys").mkdir()
    token = issuer.named("Ada")
    for name in ("logs/house.log", "keys/ada"):
        (tmp_path / name).write_text(f"\x00{token}\n")
    (tmp_path / "empty").write_bytes(b"")
    (hit,) = found_below(tmp_path, [tmp_path / "keys"], [])
    assert hit.startswith("logs/house.log: ")
    assert token not in hit, "and is not told itself"
