"""The language rules of docs/language.md, as findings in the texts of the repository.

uv run python docs/tests/language.py [--update] [PATH …]
"""

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from prose import READERS, Kind, Text, read

ROOT = Path(__file__).parents[2]
RULES = ROOT / "docs" / "language.md"
ALLOWED = ROOT / "docs" / "tests" / "language_allowed.txt"
LONGEST_TEST_NAME = 60

# A hyphen, an underscore, a dot or a slash joins a word to a name, and a name is not prose.
_WORD = r"(?<![\w#-])(?<!\w[./])(?:{})(?![\w-]|[./#]\w)"
_OF = re.compile(r"(?<![\w#-])Of\s")
_ENTRY = re.compile(r"(?P<place>[^:]+): (?P<rule>[^:]+): (?P<count>\d+)|(?P<path>[^:]+)::(?P<name>test_\w+)")


class Finding(NamedTuple):
    """A broken rule: in a file, or, for a limit, in an area."""

    place: str
    rule: str
    line: int
    excerpt: str


def _section(number: int) -> str:
    return RULES.read_text().partition(f"\n## {number}. ")[2].partition("\n## ")[0]


def _first_cells(number: int) -> Iterator[tuple[list[str], str]]:
    """The names in the first cell of each row of a section's table, with the second cell."""
    for line in _section(number).splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) == 2 and "`" in cells[0]:
            yield re.findall(r"`([^`]+)`", cells[0]), cells[1]


@cache
def banned() -> tuple[str, ...]:
    """The words that no text uses."""
    return tuple(word for words, _ in _first_cells(2) for word in words)


@cache
def limits() -> Mapping[tuple[str, ...], float]:
    """The occurrences that an area may have per 1,000 words."""
    return {tuple(words): float(limit) for words, limit in _first_cells(3)}


@cache
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    """The words in any case and over line breaks, except for names: the None of Python, and an error of sockets."""
    parts = [re.escape(word).replace(r"\ ", r"\s+(?:#\s*)?").replace("none", "(?-i:none)") for word in words]
    parts = [rf"(?<!connection ){part}" if part == "refused" else part for part in parts]
    return re.compile(_WORD.format("|".join(parts)) if words != (";",) else r";(?=\s)", re.IGNORECASE)


@cache
def texts() -> Mapping[str, tuple[Text, ...]]:
    """The prose of each file that git tracks or would add, if its kind has a reader."""
    patterns = [f"*{ending}" for ending in READERS]
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *patterns]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    names = sorted({name for name in listed.split("\0") if name and (ROOT / name).is_file()})
    return {name: tuple(read(name, (ROOT / name).read_text())) for name in names}


def words_in(name: str, found: Iterable[Text]) -> Iterator[Finding]:
    """The words that the prose of a file must not use."""
    for text in found:
        for match in [*_pattern(banned()).finditer(text.words), *_OF.finditer(text.words)]:
            line = text.line + text.words[: match.start()].count("\n")
            rule = "Of" if match[0].startswith("Of") else " ".join(match[0].lower().replace("#", " ").split())
            yield Finding(name, rule, line, _excerpt(text.words, match.start()))


def _excerpt(text: str, position: int) -> str:
    return " ".join(text[max(0, position - 40) : position + 50].split())


def long_names(name: str, found: Iterable[Text]) -> Iterator[Finding]:
    """The names of tests that are too long."""
    for text in found:
        if text.kind is Kind.TEST_NAME and len(text.words) > LONGEST_TEST_NAME:
            yield Finding(name, text.words.replace(" ", "_"), text.line, f"{len(text.words)} characters")


def area(name: str) -> str:
    """The area whose density a file belongs to: large enough for a number per 1,000 words."""
    parts = name.split("/")
    if parts[0] in ("packages", "tests") and len(parts) > 2:
        tests = "/tests" if parts[0] == "packages" and parts[2] == "tests" else ""
        return "/".join(parts[:2]) + tests
    return parts[0] if len(parts) > 1 else "."


def dense(files: Mapping[str, Iterable[Text]]) -> Iterator[tuple[str, str, int, float]]:
    """Each limit of each area: the area, the rule, the occurrences, and the most that are allowed (at least one)."""
    gathered: dict[str, list[str]] = {}
    for name, found in files.items():
        gathered.setdefault(area(name), []).extend(text.words for text in found if text.kind is Kind.PROSE)
    for place, pieces in sorted(gathered.items()):
        size = sum(len(piece.split()) for piece in pieces)
        for words, limit in limits().items():
            count = sum(len(_pattern(words).findall(piece)) for piece in pieces)
            yield place, "/".join(words), count, max(1.0, limit * size / 1000)


def findings() -> list[Finding]:
    """The words and the long names of all files."""
    return [one for name, found in texts().items() for rule in (words_in, long_names) for one in rule(name, found)]


def counts() -> Counter[str]:
    """The count of each entry that the list would need: `path: word: n`, `path::test` or `density area: rule: n`."""
    found: Counter[str] = Counter(entry(one) for one in findings())
    for place, rule, count, most in dense(texts()):
        if count > most:
            found[f"density {place}: {rule}"] = count
    return found


def entry(finding: Finding) -> str:
    """The entry of the list that covers a finding, without its count."""
    named = finding.rule.startswith("test_")
    return f"{finding.place}::{finding.rule}" if named else f"{finding.place}: {finding.rule}"


def parse(text: str) -> tuple[Counter[str], list[str]]:
    """The entries of a list with their counts, and the lines that are not an entry or repeat one."""
    allowed: Counter[str] = Counter()
    wrong: list[str] = []
    for line in text.splitlines():
        found = _ENTRY.fullmatch(line)
        if found is None:
            wrong += [line] if line and not line.startswith("# ") else []
            continue
        name = f"{found['place']}: {found['rule']}" if found["place"] else line
        wrong += [line] if name in allowed else []
        allowed[name] = max(allowed[name], int(found["count"] or 1))
    return allowed, wrong


def problems(found: Mapping[str, int], text: str) -> list[str]:
    """The differences between the findings and the list."""
    allowed, wrong = parse(text)
    lines = [f"{line}: not an entry, or a second one" for line in wrong]
    for name in sorted({*found, *allowed}):
        if found.get(name, 0) > allowed[name]:
            lines.append(f"{name}: found {found[name]}, allowed {allowed[name]}")
        elif found.get(name, 0) < allowed[name]:
            lines.append(f"{name}: found {found.get(name, 0)}, but the list still allows {allowed[name]}: run --update")
    return lines


def updated(found: Mapping[str, int], text: str) -> str:
    """The list without the entries and counts that are no longer needed. Entries of a file that moved follow it."""
    allowed, _ = parse(text)
    kept = Counter({name: min(count, found.get(name, 0)) for name, count in allowed.items()})
    moved: Counter[str] = Counter()
    for name, count in allowed.items():
        if not (ROOT / _path(name)).exists():
            moved[_rule(name)] += count
    for name, count in sorted(found.items()):
        taken = min(count - kept[name], moved[_rule(name)])
        if taken > 0:
            kept[name] += taken
            moved[_rule(name)] -= taken
    head = [line for line in text.splitlines() if line.startswith("# ")]
    lines = [name if "::" in name else f"{name}: {count}" for name, count in sorted(kept.items()) if count > 0]
    return "\n".join([*head, *lines]) + "\n"


def _path(name: str) -> str:
    return re.split(r"::|: ", name.removeprefix("density "))[0]


def _rule(name: str) -> str:
    return re.split(r"::|: ", name)[-1]


def report(paths: list[str]) -> Iterator[str]:
    """Each finding below the paths, and the density of their areas."""
    for one in sorted(findings()):
        if any(one.place.startswith(path) for path in paths):
            yield f"{one.place}:{one.line}: {one.rule}: {one.excerpt}"
    for place, rule, count, most in dense(texts()):
        if count > most and any(place.startswith(path) or path.startswith(place) for path in paths):
            yield f"density {place}: {rule}: {count}, at most {most:.1f}"


def main(arguments: list[str]) -> int:
    """Print the findings below paths, or rewrite the list of exceptions."""
    if "--update" in arguments:
        ALLOWED.write_text(updated(counts(), ALLOWED.read_text()))
        lines = problems(counts(), ALLOWED.read_text())
    else:
        lines = list(report([path.removeprefix("./").rstrip("/") for path in arguments] or [""]))
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
