"""What the documents say is so: links, files, make targets, RPCs and calls, decisions."""

import importlib
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf import descriptor_pool, json_format, message_factory
from google.protobuf.descriptor import ServiceDescriptor

from tests.support.documents import DOCS, DOCUMENTS, ROOT, SERVICES, fenced, without_blocks

documents = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix()
)


def _contracts() -> None:
    for module in sorted((ROOT / "libs/contracts/latchkey").rglob("*_pb2.py")):
        name = module.relative_to(ROOT / "libs/contracts").with_suffix("").as_posix()
        importlib.import_module(name.replace("/", "."))


_contracts()
POOL = descriptor_pool.Default()


def _services() -> dict[str, ServiceDescriptor]:
    """The services of the contracts by their short names, which are unique."""
    found = {}
    for path in (ROOT / "protos").rglob("*.proto"):
        text = path.read_text()
        (package,) = re.findall(r"^package (.*);", text, re.M)
        for name in re.findall(r"^service (\w+) ", text, re.M):
            assert name not in found
            found[name] = POOL.FindServiceByName(f"{package}.{name}")
    return found


def _names() -> set[str]:
    """The names of all methods and messages."""
    texts = [path.read_text() for path in (ROOT / "protos").rglob("*.proto")]
    return {
        name
        for text in texts
        for name in re.findall(r"^ *(?:rpc|message|service|enum) (\w+)", text, re.M)
    }


class TestLinks:
    @documents
    def test_links_lead_somewhere(self, document: Path) -> None:
        """A relative link names a file or folder of the repository, and a heading that is there."""
        text = without_blocks(document.read_text())
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            if "://" in link:
                continue
            name, _, anchor = link.partition("#")
            target = (document.parent / name).resolve() if name else document
            assert target.exists(), link
            assert target.is_relative_to(ROOT), link
            if anchor:
                assert anchor in _anchors(target.read_text()), link

    @documents
    def test_files_that_are_named_are_there(self, document: Path) -> None:
        """Whatever stands in backticks and begins with a folder of ours."""
        text = without_blocks(document.read_text())
        for path in re.findall(r"`((?:deploy|docs|libs|protos|services|tests|tools)/[^`]*)`", text):
            if not re.search(r"[<*{$ ]", path):
                assert (ROOT / path).exists(), path

    @documents
    def test_make_targets_exist(self, document: Path) -> None:
        """`make` knows every word that a document gives it."""
        makefile = (ROOT / "Makefile").read_text()
        targets = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.M))
        text = document.read_text()
        commands = re.findall(r"(?:`|^ *)make ((?:[a-z]+ ?)+)", text, re.M)
        named = {word for command in commands for word in command.split()}
        assert named <= targets, named - targets

    def test_readme_names_the_command_that_ci_runs(self) -> None:
        """CI runs two commands, and a newcomer is told of both."""
        ci = (ROOT / ".ci/run").read_text()
        readme = (ROOT / "README.md").read_text()
        for command in ("make check", "make test"):
            assert re.search(rf"^{command}$", ci, re.M)
            assert f"`{command}`" in readme
        assert re.search(r"^make test ", readme, re.M)
        assert re.search(r"^make demo ", readme, re.M)

    def test_every_document_can_be_found_from_the_readme(self) -> None:
        """By following links."""
        seen: set[Path] = set()
        waiting = [ROOT / "README.md"]
        while waiting:
            document = waiting.pop()
            if document in seen or document.suffix != ".md":
                continue
            seen.add(document)
            links = re.findall(r"\]\(([^)\s#:]+\.md)", document.read_text())
            waiting.extend((document.parent / link).resolve() for link in links)
        assert set(DOCUMENTS) <= seen


def _anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", text, re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


class TestContracts:
    @documents
    def test_methods_exist(self, document: Path) -> None:
        """`Service/Method`, with or without its package, is a method of the contracts."""
        services = _services()
        named = re.findall(
            r"((?:latchkey\.\w+\.v1\.)?)\b([A-Z]\w*Service)(?:/([A-Z]\w*))?", document.read_text()
        )
        for package, service, method in named:
            assert service in services, service
            descriptor = services[service]
            assert not package or descriptor.full_name == package + service
            if method:
                assert method in descriptor.methods_by_name, f"{service}/{method}"

    @documents
    def test_full_names_exist(self, document: Path) -> None:
        """What begins with a package of ours goes on with a message or service of it."""
        packages = "|".join((*SERVICES, "ledger"))
        for name in re.findall(rf"latchkey\.(?:{packages})\.v1\.[A-Z]\w*", document.read_text()):
            try:
                POOL.FindMessageTypeByName(name)
            except KeyError:
                POOL.FindServiceByName(name)

    def test_the_pictures_name_what_is_there(self) -> None:
        """Every arrow of the README is a method, every event a message."""
        (calls, events) = fenced((ROOT / "README.md").read_text(), "text")
        words = set(re.findall(r"\b(?:[A-Z][a-z]+){2,}\b", calls + events))
        assert len(words) >= 11
        assert words <= _names(), words - _names()

    @documents
    def test_calls_are_understood(self, document: Path) -> None:
        """The body of each grpcurl and buf call is a request of the method that it calls."""
        for command in _commands(document.read_text()):
            if "-d" not in command:
                continue
            body = command[command.index("-d") + 1]
            service, _, method = command[-1].rpartition("/")
            descriptor = POOL.FindServiceByName(service.rpartition("/")[2])
            request = message_factory.GetMessageClass(descriptor.methods_by_name[method].input_type)
            json_format.Parse(body, request())

    def test_readme_shows_calls(self) -> None:
        """Enough of them that the check above has something to look at."""
        assert len(list(_commands((ROOT / "README.md").read_text()))) >= 15


def _commands(text: str) -> Iterator[list[str]]:
    """The words of each call in the shell blocks of a document."""
    for block in fenced(text, "sh"):
        for line in re.split(r"\n(?= *(?:grpcurl|\.venv/bin/buf curl|[#a-z]))", block):
            if re.match(r" *(?:grpcurl|\.venv/bin/buf curl) ", line):
                yield shlex.split(line.replace("\\\n", " "), comments=True)


class TestDecisions:
    def test_index_lists_each_page_by_its_title(self) -> None:
        """Numbers have no gap, and each page is what the index calls it."""
        pages = sorted(path for path in (DOCS / "decisions").glob("[0-9]*.md"))
        assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
        index = (DOCS / "decisions/README.md").read_text().splitlines()
        for page in pages:
            number, title = page.read_text().splitlines()[0].removeprefix("# ").split(": ", 1)
            assert number == page.name[:4]
            assert f"| [{number}]({page.name}) | {title} |" in index

    def test_each_page_has_the_parts_of_the_template(self) -> None:
        """Context, decision, consequences, in half a page or a whole one."""
        for page in (DOCS / "decisions").glob("[0-9]*.md"):
            text = page.read_text()
            assert re.findall(r"^## (.*)$", text, re.M) == ["Context", "Decision", "Consequences"]
            assert len(text.splitlines()) <= 60, page.name

    def test_dependencies_are_explained(self) -> None:
        """Each package of pyproject.toml that was not given is named in decision 0002."""
        with (ROOT / "pyproject.toml").open("rb") as file:
            project = tomllib.load(file)["project"]
        wanted = [*project["dependencies"], *project["optional-dependencies"]["tools"]]
        given = {"grpcio", "grpcio-tools", "protobuf", "sqlalchemy", "nats-py", "msal", "httpx"}
        text = (DOCS / "decisions/0002-dependencies.md").read_text()
        for name in {re.split(r"[\[<>= ]", each)[0] for each in wanted} - given:
            assert name in text, name
