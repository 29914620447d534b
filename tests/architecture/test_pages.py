"""Pages are true: links lead to existing targets, and the tables of codes agree with the code."""

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.architecture.sources import ROOT, sources
from tps.documents.acknowledgement import Outcome
from tps.documents.unavailability import REASON_CODES
from tps.host.stack import load_stack
from tps.mades.states import FAILURES, State, is_answerable
from tps.mades.types import BUSINESS_TYPES, ROUTES

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CITED = re.compile(r"(?<![\w/.-])(?:\.\./)*(docs/[\w./-]+\.(?:md|svg|png))")
_CITED_SECTION = re.compile(r'(?<![\w/.-])(docs/[\w./-]+\.md),? "([^"\n]+)"')
_NAMED = re.compile(r"`((?:tests|tools|functions|shared|gui|k8s|docs)/[\w./*-]+)`")
_LINKED_SECTION = re.compile(r'\]\(([^)\s#]+\.md)\),\s+"([^"]+)"')
_ABSENT = re.compile(r"\b(?:SEMANTICS|INTERFACES|STANDARDS|REQUIREMENTS)(?:\.md\b|, \"?[A-Z0-9]|\))|\bD6\.1\b")
_ABROAD = ("http://", "https://", "mailto:", "#")
_REASON = re.compile(r"[AB][0-9]{2}|999")
_TEXTS = {".md", ".py", ".toml", ".yml", ".yaml", ".raml", ".sql", ".js", ".html", ".xsd", ".wsdl", ""}
_ROLES = {"operator": "agr", "DSO": "dso", "platform": "tps"}


@cache
def _tracked() -> tuple[Path, ...]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = (ROOT / name for name in listed.split("\0") if name)
    return tuple(path for path in paths if path.suffix in _TEXTS and path.is_file())


def _pages() -> list[Path]:
    return [path for path in _tracked() if path.suffix == ".md"]


def _shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_every_relative_link_of_a_page_leads_to_a_file() -> None:
    broken = [
        f"{_shown(page)}: {target}"
        for page in _pages()
        for target in _LINK.findall(page.read_text())
        if not target.startswith(_ABROAD) and not (page.parent / target.partition("#")[0]).exists()
    ]

    assert broken == []


def test_every_page_that_a_file_cites_exists() -> None:
    missing = [
        f"{_shown(path)}: {cited}"
        for path in _tracked()
        for cited in _CITED.findall(path.read_text())
        if not (ROOT / cited).exists()
    ]

    assert missing == []


def test_every_section_that_a_file_cites_exists() -> None:
    """Example: `Source: F6a; docs/semantics.md, "Fairness"`."""
    missing = [
        f"{_shown(path)}: {page}, {section}"
        for path in _tracked()
        for page, section in _CITED_SECTION.findall(path.read_text())
        if section.rstrip(".,") not in _headings(ROOT / page)
    ]

    assert missing == []


def test_no_file_cites_a_document_that_the_repository_does_not_contain() -> None:
    cited = [
        f"{_shown(path)}: {citation}"
        for path in _tracked()
        if path != Path(__file__)
        for citation in _ABSENT.findall(path.read_text())
    ]

    assert cited == []


def test_every_section_that_a_page_links_to_exists() -> None:
    """Example: `[mades.md](mades.md), "Failures"`."""
    missing = [
        f"{_shown(page)}: {target}, {section}"
        for page in _pages()
        for target, section in _LINKED_SECTION.findall(page.read_text())
        if " ".join(section.split()) not in _headings(page.parent / target)
    ]

    assert missing == []


def test_every_path_that_a_page_names_exists() -> None:
    """Example: `tests/e2e/test_foreseen.py` or `shared/tps/api/*.raml`."""
    missing = [
        f"{_shown(page)}: {named}"
        for page in _pages()
        for named in _NAMED.findall(page.read_text())
        if not any(ROOT.glob(named.rstrip("/")))
    ]

    assert missing == []


@cache
def _headings(page: Path) -> frozenset[str]:
    lines = page.read_text().splitlines() if page.exists() else []
    return frozenset(line.lstrip("#").strip() for line in lines if line.startswith("#"))


def test_the_glossary_has_every_reason_code_and_state() -> None:
    told = {row[0] for row in _rows("docs/glossary.md")}

    assert _reason_codes_in_code() - told == set()
    assert set(State) - told == set()


def _reason_codes_in_code() -> set[str]:
    codes = {str(outcome) for outcome in Outcome} | REASON_CODES
    for source in sources():
        for call in (node for node in ast.walk(source.tree) if isinstance(node, ast.Call)):
            name = getattr(call.func, "id", getattr(call.func, "attr", ""))
            if name in ("Finding", "refusal", "DocumentReason") and call.args:
                codes |= {code for code in _constants(call.args[0]) if _REASON.fullmatch(code)}
    return codes


def _constants(node: ast.expr) -> Iterator[str]:
    """Yield all strings of an expression: both strings of `"A69" if series is None else "A59"`."""
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value


def test_the_page_on_mades_has_every_failure_and_whether_its_sender_hears_of_it() -> None:
    told = {row[0].strip("`"): row[-1] for row in _rows("docs/mades.md", "Failures")}

    assert told == {code: "yes" if is_answerable(code) else "no" for code in FAILURES}


def test_the_page_on_documents_has_every_message_type_with_its_two_ends() -> None:
    told = {(row[0].strip("`"), _ROLES[row[1]], _ROLES[row[2]]) for row in _rows("docs/documents.md", "Message types")}

    assert told == {(kind, *ends) for kind in BUSINESS_TYPES for ends in ROUTES[kind]}


def test_the_page_on_requirements_has_every_id_that_a_function_serves() -> None:
    told = {row[0] for row in _rows("docs/requirements.md")}

    assert {served for entry in load_stack() for served in entry.serves} - told == set()


def _rows(page: str, section: str = "") -> list[list[str]]:
    """Return the cells of the page's table rows without heads, of one section or of all sections."""
    text = (ROOT / page).read_text()
    if section:
        text = re.split(r"^#+ ", text.partition(f"# {section}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    lines = text.splitlines()
    heads = {number - 1 for number, line in enumerate(lines) if line.startswith("|--")}
    bodies = (line for number, line in enumerate(lines) if line.startswith("| ") and number not in heads)
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in bodies]
