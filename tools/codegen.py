"""Generates libs/contracts from protos/: messages, gRPC stubs, and types for both.

    python -m tools.codegen            writes libs/contracts
    python -m tools.codegen --check    writes nothing, fails when libs/contracts is not current

Everything is made by protoc, which comes in a wheel, as do the plugins; nothing is fetched and
nothing is edited afterwards. The proto root is the Python root (`latchkey.catalog.v1.app_pb2`),
so the imports that protoc writes are right as they are.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from importlib import resources
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
PROTOS: Final = ROOT / "protos"
CONTRACTS: Final = ROOT / "libs" / "contracts"

PACKAGE: Final = "latchkey"
GENERATED: Final = '"""Generated from protos/ by `make protos`: never edited by hand."""\n'


class CodegenError(Exception):
    """protoc refused a proto file, or there was none to read."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.codegen", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--check", action="store_true", help="only say whether libs/contracts is current"
    )
    check: bool = parser.parse_args().check
    try:
        stale = check_current(PROTOS, CONTRACTS) if check else write(PROTOS, CONTRACTS)
    except CodegenError as error:
        print(error, file=sys.stderr)
        return 1
    if check and stale:
        print("libs/contracts is not current; run `make protos`:", file=sys.stderr)
        print(*(f"  {name}" for name in stale), sep="\n", file=sys.stderr)
        return 1
    if not check:
        print(f"{len(stale)} files changed in libs/contracts")
    return 0


def write(protos: Path, contracts: Path) -> list[str]:
    """Makes `contracts` what `protos` say, and returns the names of the files that changed."""
    with tempfile.TemporaryDirectory(prefix="latchkey-codegen-") as folder:
        fresh = Path(folder)
        generate(protos, fresh)
        changed = differences(fresh, contracts)
        for name in changed:
            target = contracts / name
            if (fresh / name).exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(fresh / name, target)
            else:
                target.unlink()
        _remove_empty_folders(contracts / PACKAGE)
        return changed


def check_current(protos: Path, contracts: Path) -> list[str]:
    """Returns the names of the files in `contracts` that `protos` would make differently."""
    with tempfile.TemporaryDirectory(prefix="latchkey-codegen-") as folder:
        generate(protos, Path(folder))
        return differences(Path(folder), contracts)


def generate(protos: Path, out: Path) -> None:
    """Runs protoc over every file under protos/latchkey, into the folder `out`."""
    files = sorted(str(path.relative_to(protos)) for path in (protos / PACKAGE).rglob("*.proto"))
    if not files:
        raise CodegenError(f"no .proto file under {protos / PACKAGE}")
    plugins = ("protoc-gen-mypy", "protoc-gen-mypy_grpc")
    command = [
        *(sys.executable, "-m", "grpc_tools.protoc"),
        *(f"--proto_path={path}" for path in (protos, *_vendor_protos())),
        *(f"--plugin={name}={_program(name)}" for name in plugins),
        f"--python_out={out}",
        f"--grpc_python_out={out}",
        f"--mypy_out=quiet:{out}",
        # Servers and callers are all grpc.aio, so the types of the other colour are left out.
        f"--mypy_grpc_out=quiet,only_async:{out}",
        *files,
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise CodegenError(f"protoc failed:\n{result.stdout}{result.stderr}".rstrip())
    _remove_empty_grpc_modules(out)
    for folder in sorted({path.parent for path in (out / PACKAGE).rglob("*.py")}):
        for package in (folder, *folder.parents):
            if package == out:
                break
            (package / "__init__.py").write_text(GENERATED)
    (out / PACKAGE / "py.typed").touch()


def differences(fresh: Path, current: Path) -> list[str]:
    """Returns the names under `latchkey/` that exist on one side only or differ in content."""
    names = _names(fresh) | _names(current)
    return sorted(name for name in names if _content(fresh / name) != _content(current / name))


def _names(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in (folder / PACKAGE).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _remove_empty_grpc_modules(out: Path) -> None:
    """Removes the `_pb2_grpc` modules of files without a service: protoc writes one for each."""
    for module in out.rglob("*_pb2_grpc.py"):
        if "Servicer" not in module.read_text():
            module.unlink()
            module.with_suffix(".pyi").unlink(missing_ok=True)


def _remove_empty_folders(folder: Path) -> None:
    """Removes the folders that hold no file any more, but perhaps a cache of bytecode."""
    for path in sorted((p for p in folder.rglob("*") if p.is_dir()), reverse=True):
        if path.exists() and not any(p.is_file() for p in path.rglob("*") if p.suffix != ".pyc"):
            shutil.rmtree(path)


def _vendor_protos() -> tuple[Path, Path]:
    """Where the files of google/protobuf and of google/rpc lie, both in installed wheels."""
    protobuf = resources.files("grpc_tools") / "_proto"
    # google/rpc is a namespace folder; its grandparent is the root that imports are written from.
    rpc = resources.files("google.rpc") / "status.proto"
    with resources.as_file(protobuf) as first, resources.as_file(rpc) as second:
        return first, second.parents[2]


def _program(name: str) -> Path:
    """A protoc plugin is a program beside the interpreter; the PATH may know another one."""
    return Path(sys.executable).parent / name


if __name__ == "__main__":
    sys.exit(main())
