"""Look for secrets in the tracked files and in every line that history added, by the rules of .gitleaks.toml.

Gitleaks proper, with its some two hundred rules more, runs on the public host; this needs nothing but git and Python,
so it runs everywhere. It understands what our file uses of the format: regex, secretGroup, entropy and keywords of a
rule; regexes, stopwords and paths of an allowlist. Anything else in a rule or an allowlist is an error, so that the two
can't come to mean different things unnoticed.
"""

from __future__ import annotations

import argparse
import math
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

_RULE_KEYS = {"id", "description", "regex", "secretGroup", "entropy", "keywords", "allowlists"}
_ALLOW_KEYS = {"description", "regexTarget", "regexes", "stopwords", "paths"}
_HUNK = re.compile(r"@@ -\S+ \+(\d+)")


class Line(NamedTuple):
    """A line of text, and where it is."""

    path: str
    number: int
    text: str
    commit: str = ""

    def __str__(self) -> str:
        return f"{self.path}:{self.number}" + (f" (added in {self.commit[:12]})" if self.commit else "")


class Finding(NamedTuple):
    """A secret: the rule that found it, and the line it is in."""

    rule: str
    line: Line


def _only(table: dict[str, Any], known: set[str], what: str) -> dict[str, Any]:
    if unknown := table.keys() - known:
        raise SystemExit(f".gitleaks.toml: {what}: check_secrets.py doesn't know {', '.join(sorted(unknown))}")
    return table


class Allowlist:
    """What may be there. Any of its conditions is enough, as in Gitleaks."""

    def __init__(self, table: dict[str, Any]) -> None:
        _only(table, _ALLOW_KEYS, "allowlist")
        self._target = table.get("regexTarget", "secret")
        self._regexes = [re.compile(regex) for regex in table.get("regexes", [])]
        self._paths = [re.compile(regex) for regex in table.get("paths", [])]
        self._stopwords = [word.lower() for word in table.get("stopwords", [])]

    def allows(self, line: Line, match: str, secret: str) -> bool:
        """Tell whether this find is permitted."""
        target = {"secret": secret, "match": match, "line": line.text}[self._target]
        return (
            any(path.search(line.path) for path in self._paths)
            or any(regex.search(target) for regex in self._regexes)
            or any(word in secret.lower() for word in self._stopwords)
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """What a secret of one kind looks like."""

    id: str
    regex: re.Pattern[str]
    group: int
    entropy: float
    keywords: tuple[str, ...]
    allowlists: tuple[Allowlist, ...]

    @classmethod
    def load(cls, table: dict[str, Any], everywhere: list[Allowlist]) -> Rule:
        """Make a rule from its table in the file."""
        _only(table, _RULE_KEYS, f"rule {table.get('id')}")
        return cls(
            id=table["id"],
            regex=re.compile(table["regex"]),
            group=table.get("secretGroup", 0),
            entropy=table.get("entropy", 0.0),
            keywords=tuple(word.lower() for word in table.get("keywords", [])),
            allowlists=(*everywhere, *map(Allowlist, table.get("allowlists", []))),
        )

    def finds(self, line: Line, lowered: str) -> bool:
        """Tell whether the line holds a secret of this kind. ``lowered`` is its text in lower case."""
        if self.keywords and not any(word in lowered for word in self.keywords):
            return False
        return any(self._is_secret(line, match) for match in self.regex.finditer(line.text))

    def _is_secret(self, line: Line, match: re.Match[str]) -> bool:
        secret = match[self.group]
        if entropy(secret) < self.entropy:
            return False
        return not any(allowed.allows(line, match[0], secret) for allowed in self.allowlists)


def entropy(text: str) -> float:
    """Shannon entropy in bits per character, as Gitleaks reckons it."""
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())


def load_rules(config: str) -> list[Rule]:
    """Read the rules out of the text of a .gitleaks.toml."""
    table = tomllib.loads(config)
    everywhere = [Allowlist(allow) for allow in table.get("allowlists", [])]
    return [Rule.load(rule, everywhere) for rule in table["rules"]]


def find(rules: list[Rule], lines: Iterable[Line]) -> Iterator[Finding]:
    """Yield what the rules find in the lines."""
    for line in lines:
        lowered = line.text.lower()
        yield from (Finding(rule.id, line) for rule in rules if rule.finds(line, lowered))


def _git(root: Path, *args: str) -> bytes:
    return subprocess.run(["git", "-C", str(root), *args], check=True, stdout=subprocess.PIPE).stdout


def tracked_lines(root: Path) -> Iterator[Line]:
    """Yield the lines of the files that git tracks or would add, as they are on disk; binary files are left out."""
    names = _git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, names.decode(errors="surrogateescape").split("\0")):
        path = root / name
        if path.is_symlink() or not path.is_file():
            continue
        data = path.read_bytes()
        if b"\0" in data[:8000]:
            continue
        for number, text in enumerate(data.decode(errors="replace").split("\n"), 1):
            yield Line(name, number, text)


def added_lines(root: Path) -> Iterator[Line]:
    """Yield every line that a commit reachable from any ref added."""
    if not _git(root, "rev-list", "--all", "--max-count=1"):
        return
    log = [
        "log",
        "--all",
        "--format=commit %H",
        "--patch",
        "--unified=0",
        "--no-color",
        "--no-ext-diff",
        "--no-renames",
    ]
    command = ["git", "-C", str(root), "-c", "core.quotePath=off", *log, "--diff-merges=separate"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield from _parse_log(raw.decode(errors="replace").rstrip("\n") for raw in process.stdout)
    if process.returncode:
        raise SystemExit(f"git log failed ({process.returncode})")


def _parse_log(lines: Iterable[str]) -> Iterator[Line]:
    commit = path = ""
    number = 0
    in_hunk = False
    for text in lines:
        if text.startswith("commit "):
            commit, in_hunk = text[7:], False
        elif text.startswith("diff --git "):
            in_hunk = False
        elif hunk := _HUNK.match(text):
            number, in_hunk = int(hunk[1]), True
        elif not in_hunk and text.startswith("+++ "):
            path = text[4:].removeprefix("b/")
        elif in_hunk and text.startswith("+"):
            yield Line(path, number, text[1:], commit)
            number += 1


def main() -> int:
    """Print where secrets are, never what they are; return 1 if there are any."""
    parser = argparse.ArgumentParser(description="Look for secrets by the rules of .gitleaks.toml.")
    parser.add_argument("root", nargs="?", type=Path, default=Path(__file__).resolve().parent.parent)
    root: Path = parser.parse_args().root
    rules = load_rules((root / ".gitleaks.toml").read_text())
    findings = [*find(rules, tracked_lines(root)), *find(rules, added_lines(root))]
    for finding in findings:
        print(f"{finding.line}: {finding.rule}")
    print(f"{len(findings)} secrets found by {len(rules)} rules")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
