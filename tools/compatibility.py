"""Checks that the contracts in protos/ still serve the callers of the commit before.

    python -m tools.compatibility [--against REF]

Compares the working tree with REF: as a rule the commit where this branch left main, and on
main itself the commit before. The first commit, or a clone too shallow to hold that one, has
nothing to break and passes. A break that is meant is said in the commit that makes it, with a
trailer `Contract-Break: <why>`; it is printed, and what it breaks is listed without failing.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from tools.codegen import ROOT

TRAILER: Final = "Contract-Break"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.compatibility", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--against", metavar="REF", help="the commit to compare with")
    against: str | None = parser.parse_args().against
    base = against or find_base(ROOT)
    if base is None or not _git(ROOT, "ls-tree", "--name-only", base, "protos/latchkey"):
        print("no earlier contracts to compare with")
        return 0
    findings = breaks(ROOT, base)
    if not findings:
        print(f"nothing is broken since {base[:12]}")
        return 0
    meant = _git(ROOT, "log", f"--format=%(trailers:key={TRAILER},valueonly)", f"{base}..HEAD")
    print(*findings, sep="\n", file=sys.stderr)
    if meant:
        print(f"meant, as the log says: {' '.join(meant.split())}")
        return 0
    return 1


def find_base(repository: Path) -> str | None:
    """The commit whose callers must still be served, or None where history has none."""
    for main_branch in ("origin/main", "main"):
        base = _git(repository, "merge-base", "HEAD", main_branch)
        if base and base != _git(repository, "rev-parse", "HEAD"):
            return base
    return _git(repository, "rev-parse", "--verify", "--quiet", "HEAD~1^{commit}") or None


def breaks(repository: Path, base: str) -> list[str]:
    """What buf says is broken in protos/ of the working tree, against protos/ of `base`."""
    with tempfile.TemporaryDirectory(prefix="latchkey-contracts-") as folder:
        # An archive, not buf's own git input: that one clones, which a shallow clone may refuse.
        archive = Path(folder, "protos.tar")
        _run("git", "-C", str(repository), "archive", f"--output={archive}", base, "protos")
        buf = Path(sys.executable).parent / "buf"
        result = subprocess.run(
            [buf, "breaking", "protos", "--against", f"{archive}#subdir=protos"],
            cwd=repository,
            capture_output=True,
            text=True,
            check=False,
        )
        findings = (result.stdout + result.stderr).splitlines()
        if result.returncode and not findings:
            findings = [f"buf breaking ended with {result.returncode}"]
        return findings


def _git(repository: Path, *arguments: str) -> str:
    """What git answers, or nothing where it fails: no such commit, no repository, no git."""
    try:
        return _run("git", "-C", str(repository), *arguments)
    except (OSError, subprocess.CalledProcessError):
        return ""


def _run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
