"""The tables of the documents are those of the code: errors, events, settings, logs."""

import ast
import importlib
import json
import re
from dataclasses import MISSING, fields
from datetime import UTC, datetime

import pytest
import yaml

from latchkey.catalog.v1 import errors_pb2 as catalog
from latchkey.connector.v1 import errors_pb2 as connector
from latchkey.policy.v1 import errors_pb2 as policy
from latchkey.requests.v1 import errors_pb2 as requests
from libs.events.broker import STREAM, SUBJECTS, stream_config
from libs.events.envelope import Event
from libs.process.settings import PREFIX
from libs.process.settings import Settings as CommonSettings
from tests.support.documents import DOCS, ROOT, SERVICES, fenced, proto

ENUMS = {
    "catalog": catalog.ErrorReason,
    "connector": connector.ErrorReason,
    "policy": policy.ErrorReason,
    "requests": requests.ErrorReason,
}
# What is common to all packages stands below this number in each `ErrorReason`.
FIRST_OWN_REASON = 20


class TestErrors:
    @pytest.mark.parametrize("package", SERVICES)
    def test_every_reason_is_listed_as_its_comment_says(self, package: str) -> None:
        """A row that is missing or stale is in the message, to be pasted."""
        common, own = _error_tables(package)
        reasons = _reasons(package)
        enum = ENUMS[package].DESCRIPTOR
        assert len(reasons) == len(enum.values) - 1
        for name, number, comment in reasons:
            row = _row(name, comment)
            assert row in (own if number >= FIRST_OWN_REASON else common), row

    @pytest.mark.parametrize("package", SERVICES)
    def test_no_other_reason_is_listed(self, package: str) -> None:
        """A reason that is gone from the contract is gone from the table."""
        common, own = _error_tables(package)
        listed = re.findall(r"^\| `([A-Z_]+)` \| `", "\n".join([*common, *own]), re.M)
        assert sorted(listed) == sorted(name for name, _, _ in _reasons(package))

    def test_every_word_of_a_failed_delivery_is_listed(self) -> None:
        """Those that the connector says, and the catalog's reasons that it hands on."""
        text = (DOCS / "errors.md").read_text().partition("\n## Why a delivery failed")[2]
        listed = set(re.findall(r"^\| `([a-z_]+)` \|", text, re.M))
        handed_on = {"entitlement_not_found", "user_not_found"}
        assert handed_on <= {name.lower() for name, _, _ in _reasons("catalog")}
        assert listed == _failure_words() | handed_on


def _failure_words() -> set[str]:
    """The reasons in the connector's code: arguments of what makes a refusal."""
    found = set()
    for path in (ROOT / "services/connector").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                if node.func.id in ("Refused", "Refusal", "Row", "_refused"):
                    words = [*node.args, *(k.value for k in node.keywords if k.arg == "reason")]
                    found |= _words(words)
            elif isinstance(node, ast.Assign) and isinstance(node.value, ast.IfExp):
                target = node.targets[0]
                if isinstance(target, ast.Name) and target.id == "reason":
                    found |= _words([node.value.body, node.value.orelse])
    return found


def _words(nodes: list[ast.expr]) -> set[str]:
    return {
        node.value
        for node in nodes
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(r"[a-z]+(_[a-z]+)+", node.value)
    }


def _error_tables(package: str) -> tuple[list[str], list[str]]:
    """The lines of the common section of errors.md, and of a package's."""
    sections = re.split(r"^## ", (DOCS / "errors.md").read_text(), flags=re.M)
    by_title = {section.partition("\n")[0]: section.splitlines() for section in sections}
    return by_title["In every package"], by_title[f"latchkey.{package}"]


def _reasons(package: str) -> list[tuple[str, int, str]]:
    """Name, number and comment of each reason, but for the one that is not set."""
    found, comment = [], []
    _, _, values = proto(package, "errors").partition("enum ErrorReason {")
    for line in map(str.strip, values.splitlines()):
        if line.startswith("//"):
            comment.append(line[2:].strip())
        elif match := re.fullmatch(r"ERROR_REASON_(\w+) = (\d+);", line):
            found.append((match[1], int(match[2]), " ".join(comment)))
            comment = []
    return found[1:]


def _row(name: str, comment: str) -> str:
    match = re.fullmatch(r"`([A-Z_]+)`\. (.*)", comment)
    assert match, f"{name} does not begin with its code"
    cause, _, way_out = match[2].partition(" Way out: ")
    return f"| `{name}` | `{match[1]}` | {cause} | {way_out[:1].upper() + way_out[1:] or '-'} |"


class TestEvents:
    def test_every_event_is_listed_as_its_comment_says(self) -> None:
        """And nothing else is. A row that is missing or stale is in the message, to be pasted."""
        lines = (DOCS / "events.md").read_text().splitlines()
        rows = [row for package in SERVICES for row in _event_rows(package)]
        for row in rows:
            assert row in lines, row
        listed = [line for line in lines if line.startswith("| `latchkey.")]
        assert sorted(listed) == sorted(rows)

    def test_headers_are_those_that_are_sent(self) -> None:
        """The table of the envelope is the envelope."""
        kind = "latchkey.policy.v1.PolicyCreated"
        event = Event("evt_1", kind, "pol_1", 1, datetime.now(UTC), "", b"")
        text = (DOCS / "events.md").read_text()
        listed = re.findall(r"^\| `(Nats-Msg-Id|ce-\w+)` \|", text, re.M)
        assert sorted(listed) == sorted(event.headers())

    @pytest.mark.parametrize("document", ["events.md"])
    def test_the_subscriber_compiles(self, document: str) -> None:
        """And imports what there is."""
        (source,) = fenced((DOCS / document).read_text(), "python")
        _check_imports(source)
        assert len(source.splitlines()) < 80


def _event_rows(package: str) -> list[str]:
    rows = []
    messages = re.findall(r"((?:^//.*\n)+)message (\w+) \{", proto(package, "events"), re.M)
    for block, name in messages:
        lines = [line[2:].strip() for line in block.splitlines()]
        first = " ".join(lines[: lines.index("")] if "" in lines else lines)
        when, _, subject = first.partition(" Subject: ")
        rows.append(f"| `latchkey.{package}.v1.{name}` | {when} | {subject.rstrip('.')} |")
    return rows


def _check_imports(source: str) -> None:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                importlib.import_module(alias.name)
        elif isinstance(node, ast.ImportFrom) and node.module:
            module = importlib.import_module(node.module)
            for alias in node.names:
                found = getattr(module, alias.name, None)
                assert found or importlib.import_module(f"{node.module}.{alias.name}")


class TestOperating:
    @pytest.mark.parametrize("service", SERVICES)
    def test_every_setting_is_listed(self, service: str) -> None:
        """With the default that it has, and for the services that have it."""
        rows = _setting_rows()
        of_every_service = {field.name for field in fields(CommonSettings)}
        for field in fields(_settings(service)):
            name = field.name
            of_all = name in of_every_service
            key = PREFIX + name.upper()
            assert key in rows, f"{key} is not in docs/operating.md"
            defaults = [default for services, default in rows[key] if of_all or service in services]
            assert len(defaults) == 1, f"{key} is a setting of {service}"
            (default,) = defaults
            if field.default is MISSING:
                assert default == "required", key
            else:
                value = "none" if field.default in (None, ()) else json.dumps(field.default)
                assert default.strip("`") == value.strip('"').removesuffix(".0"), key

    def test_no_other_setting_is_listed(self) -> None:
        """A setting that is gone from the code is gone from the tables."""
        known = {
            PREFIX + field.name.upper()
            for service in SERVICES
            for field in fields(_settings(service))
        }
        assert set(_setting_rows()) == known

    def test_ports_are_those_of_compose(self) -> None:
        """The table and the file say the same."""
        compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
        text = (DOCS / "operating.md").read_text()
        for service in SERVICES:
            (port,) = re.findall(rf"^\| {service} \| (\d+) \|", text, re.M)
            assert compose[service]["ports"] == [f"127.0.0.1:{port}:{port}"]

    def test_logged_events_are_those_that_the_code_logs(self) -> None:
        """A name that an operator waits for is one that is written."""
        text = (DOCS / "operating.md").read_text()
        section = text.partition("\n## Logs")[2].partition("\n## ")[0]
        cells = re.findall(r"^\| (`.*?) \|", section, re.M)
        names = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
        folders = (ROOT / "libs", ROOT / "services")
        code = "\n".join(path.read_text() for folder in folders for path in folder.rglob("*.py"))
        logged = set(re.findall(r'_log\.\w+\(\s*"(\w+)"', code))
        assert names, section
        assert names <= logged, names - logged

    def test_stream_settings_are_those_that_are_declared(self) -> None:
        """The numbers of events.md are the numbers of the stream."""
        config = stream_config()
        text = (DOCS / "events.md").read_text()
        assert f"the stream `{STREAM}`" in text
        assert config.subjects == [SUBJECTS]
        assert f"| subjects | `{SUBJECTS}` |" in text
        assert f"| max age | {(config.max_age or 0) / 86400:.0f} days |" in text
        assert f"| max bytes | {(config.max_bytes or 0) >> 30} GiB |" in text
        assert f"| duplicate window | {(config.duplicate_window or 0) / 60:.0f} minutes |" in text
        assert f"| replicas | {config.num_replicas} |" in text


def _settings(service: str) -> type[CommonSettings]:
    found: type[CommonSettings] = importlib.import_module(f"services.{service}.settings").Settings
    return found


def _setting_rows() -> dict[str, list[tuple[str, str]]]:
    """For each setting of operating.md the services and the default that its rows name."""
    found: dict[str, list[tuple[str, str]]] = {}
    for line in (DOCS / "operating.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if match := re.fullmatch(rf"`({PREFIX}\w+)`", cells[0]):
            services = cells[1] if len(cells) == 4 else ""
            found.setdefault(match[1], []).append((services, cells[-2]))
    return found
