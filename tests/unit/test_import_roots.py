"""The import roots are the repository and libs/contracts, and nothing else.

msal needs the PyPI package `requests`. Wherever the folder above our own `requests/` is an import
root, msal gets our code instead and dies, far from the cause.
"""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOTS = {ROOT, ROOT / "libs" / "contracts"}


def test_msal_gets_the_requests_of_pypi() -> None:
    """In this very process, however pytest was started."""
    from msal import managed_identity

    assert Path(managed_identity.requests.__file__).parents[1].name == "site-packages"


@pytest.mark.parametrize("folder", [ROOT, ROOT / "docs", Path("/")], ids=["root", "docs", "away"])
def test_a_fresh_interpreter_has_no_other_root_of_ours(folder: Path) -> None:
    """What the editable install put into .venv, seen from wherever a program is started."""
    code = "import msal, requests, sys; print(requests.__file__, *sys.path, sep='\\n')"
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder if folder.is_dir() else ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    requests_file, *paths = result.stdout.splitlines()
    assert Path(requests_file).parents[1].name == "site-packages"
    ours = {path for path in map(Path, filter(None, paths)) if path.is_relative_to(ROOT)}
    venv = {path for path in ours if path.is_relative_to(Path(sys.prefix))}
    assert ours - venv <= ROOTS


def test_no_folder_of_ours_was_added_to_this_process() -> None:
    """No conftest, plugin or import mode made services/ or a test folder an import root."""
    ours = {path for path in map(Path, filter(None, sys.path)) if path.is_relative_to(ROOT)}
    venv = {path for path in ours if path.is_relative_to(Path(sys.prefix))}
    assert ours - venv <= ROOTS


def test_tests_are_a_package_all_the_way_down() -> None:
    """A test folder without `__init__.py` would be an import root, and its name a top-level one."""
    folders = {path.parent for path in (ROOT / "tests").rglob("*.py")}
    missing = [
        folder.relative_to(ROOT).as_posix()
        for module_folder in folders
        for folder in (module_folder, *module_folder.parents)
        if folder.is_relative_to(ROOT / "tests") and not (folder / "__init__.py").exists()
    ]
    assert sorted(set(missing)) == []
