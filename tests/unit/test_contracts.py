"""The tools that keep contracts honest: generation, its check, and the look at what breaks."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tools import codegen, compatibility

APP = """\
// Apps.
syntax = "proto3";

package latchkey.catalog.v1;

// Finds apps.
service AppService {
  // Gets one.
  rpc GetApp(GetAppRequest) returns (GetAppResponse);
}

// Asks.
message GetAppRequest {
  // Required. Its id.
  string app_id = 1;
}

// Answers.
message GetAppResponse {
  // Its name.
  string name = 1;
}
"""

MOVED = "string name = 1;", "int64 name = 1;"
ADDED = "string name = 1;", "string name = 1;\n  // More.\n  string more = 2;"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one proto file, committed."""
    (tmp_path / "protos/latchkey/catalog/v1").mkdir(parents=True)
    shutil.copy(codegen.PROTOS / "buf.yaml", tmp_path / "protos")
    _proto(tmp_path).write_text(APP)
    _git(tmp_path, "init", "--quiet", "--initial-branch=main")
    _commit(tmp_path, "First")
    return tmp_path


def _proto(repository: Path) -> Path:
    return repository / "protos/latchkey/catalog/v1/app.proto"


def _git(repository: Path, *arguments: str) -> None:
    settings = ("user.name=Test", "user.email=test@example.org", "commit.gpgsign=false")
    options = [word for setting in settings for word in ("-c", setting)]
    subprocess.run(["git", *options, *arguments], cwd=repository, check=True, capture_output=True)


def _commit(repository: Path, message: str) -> None:
    _git(repository, "add", ".")
    _git(repository, "commit", "--quiet", "--allow-empty", "--message", message)


def _edit(repository: Path, old: str, new: str) -> None:
    _proto(repository).write_text(_proto(repository).read_text().replace(old, new))


class TestCodegen:
    def test_comments_become_docstrings_and_the_package_is_importable(
        self, repository: Path
    ) -> None:
        """Messages, stubs and their types; a file without a service has no gRPC module."""
        contracts = repository / "contracts"
        (repository / "protos/latchkey/catalog/v1/errors.proto").write_text(
            'syntax = "proto3";\npackage latchkey.catalog.v1;\nmessage Nothing {}\n'
        )
        changed = codegen.write(repository / "protos", contracts)
        folder = "latchkey/catalog/v1"
        modules = {Path(name).name for name in changed if name.startswith(folder)}
        assert modules == {
            "__init__.py",
            "app_pb2.py",
            "app_pb2.pyi",
            "app_pb2_grpc.py",
            "app_pb2_grpc.pyi",
            "errors_pb2.py",
            "errors_pb2.pyi",
        }
        assert '"""Required. Its id."""' in (contracts / folder / "app_pb2.pyi").read_text()
        assert '"""Gets one."""' in (contracts / folder / "app_pb2_grpc.pyi").read_text()
        assert (contracts / "latchkey/py.typed").exists()

    def test_check_names_what_is_stale_missing_and_left_over(self, repository: Path) -> None:
        """And `write` puts all three right, removing what no proto file makes any more."""
        protos, contracts = repository / "protos", repository / "contracts"
        codegen.write(protos, contracts)
        assert codegen.check_current(protos, contracts) == []

        folder = contracts / "latchkey/catalog/v1"
        (folder / "app_pb2.py").write_text("edited by hand")
        (folder / "app_pb2.pyi").unlink()
        (contracts / "latchkey/gone/v1").mkdir(parents=True)
        (contracts / "latchkey/gone/v1/old_pb2.py").touch()
        stale = [
            "latchkey/catalog/v1/app_pb2.py",
            "latchkey/catalog/v1/app_pb2.pyi",
            "latchkey/gone/v1/old_pb2.py",
        ]
        assert codegen.check_current(protos, contracts) == stale
        assert codegen.write(protos, contracts) == stale
        assert codegen.check_current(protos, contracts) == []
        assert not (contracts / "latchkey/gone").exists()

    def test_says_where_a_proto_file_is_wrong(self, repository: Path) -> None:
        """File and line, in protoc's own words; nothing is written."""
        _edit(repository, "string app_id", "strong app_id")
        with pytest.raises(codegen.CodegenError, match=r"app\.proto:15.*strong"):
            codegen.write(repository / "protos", repository / "contracts")
        assert not (repository / "contracts").exists()


class TestCompatibility:
    def test_the_first_commit_breaks_nothing(self, repository: Path) -> None:
        """There is nobody to serve yet."""
        assert compatibility.find_base(repository) is None

    def test_on_main_the_commit_before_must_still_be_served(self, repository: Path) -> None:
        """Committed or not, the change is seen."""
        _edit(repository, *MOVED)
        _commit(repository, "Second")
        base = compatibility.find_base(repository)
        assert base is not None
        (finding,) = compatibility.breaks(repository, base)
        assert 'changed type from "string" to "int64"' in finding

    def test_on_a_branch_it_is_where_the_branch_began(self, repository: Path) -> None:
        """A break in any commit of the branch counts, not only in its last one."""
        _git(repository, "switch", "--create", "change")
        _edit(repository, *MOVED)
        _commit(repository, "Breaks")
        _commit(repository, "Does nothing")
        base = compatibility.find_base(repository)
        assert base is not None
        assert compatibility.breaks(repository, base)

    def test_an_addition_breaks_nothing(self, repository: Path) -> None:
        """Nor does an edit that is not committed yet."""
        _commit(repository, "Second")
        _edit(repository, *ADDED)
        base = compatibility.find_base(repository)
        assert base is not None
        assert compatibility.breaks(repository, base) == []

    @pytest.mark.parametrize(
        ("message", "status"), [("Second", 1), ("Second\n\nContract-Break: nobody calls it", 0)]
    )
    def test_a_break_is_allowed_where_a_commit_says_why(
        self,
        repository: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        message: str,
        status: int,
    ) -> None:
        """The reason stands in history, and what is broken is listed all the same."""
        _edit(repository, *MOVED)
        _commit(repository, message)
        monkeypatch.setattr(compatibility, "ROOT", repository)
        monkeypatch.setattr("sys.argv", ["compatibility"])
        assert compatibility.main() == status
        output = capsys.readouterr()
        assert "changed type" in output.err
        assert ("nobody calls it" in output.out) == (status == 0)

    def test_a_shallow_clone_breaks_nothing(
        self, repository: Path, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        """It does not hold the commit before; the full clone is where that is checked."""
        _edit(repository, *MOVED)
        _commit(repository, "Second")
        clone = tmp_path_factory.mktemp("clone")
        _git(clone, "clone", "--quiet", "--depth=1", f"file://{repository}", ".")
        assert compatibility.find_base(clone) is None

    def test_a_clone_of_main_looks_at_the_commit_before(
        self, repository: Path, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        """There `origin/main` is the commit itself, and would hide the break."""
        _edit(repository, *MOVED)
        _commit(repository, "Second")
        clone = tmp_path_factory.mktemp("clone")
        _git(clone, "clone", "--quiet", f"file://{repository}", ".")
        base = compatibility.find_base(clone)
        assert base is not None
        assert compatibility.breaks(clone, base)
