"""The texts of the repository follow docs/language.md, except for a list of exceptions that only shrinks."""

from collections import Counter

import language
import prose
import pytest

# Words of the list, without a space: a single word in a string is not prose.
BANNED = "told"
REFUSED = "refused"
PHRASE = ("is", "none")


def test_the_texts_follow_the_rules_or_the_list() -> None:
    problems = language.problems(language.counts(), language.ALLOWED.read_text())
    assert problems == [], "uv run python docs/tests/language.py lists the lines"


def test_the_rules_are_read_from_the_page() -> None:
    assert {BANNED, " ".join(PHRASE), "whoever"} <= set(language.banned())
    assert list(language.limits().values()) == [0.3, 0.5, 2]
    assert len(language.texts()) > 300


@pytest.mark.parametrize("ending", [ending for ending in prose.READERS if ending != ".yml"])
def test_files_of_each_kind_are_read(ending: str) -> None:
    assert any(texts for name, texts in language.texts().items() if name.endswith(ending))


@pytest.mark.parametrize(
    "name",
    [
        "infra/stack/variables.tf",
        "infra/stack/tests/stack.tftest.hcl",
        "infra/statemachine/interlock.asl.json",
        "tests/sla/situations.txt",
        "packages/interlock-config/tests/wrong_configs.txt",
    ],
)
def test_known_files_have_prose(name: str) -> None:
    assert sum(len(text.words.split()) for text in language.texts()[name]) > 20


def rules(name: str, text: str) -> list[tuple[int, str]]:
    found = list(prose.read(name, text))
    return [(one.line, one.rule) for one in language.words_in(name, found)]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.md", f"One.\n\nIt {BANNED} you.", [(3, BANNED)]),
        ("a.md", f"```\nIt {BANNED} you.\n```\nIt {BANNED.upper()} you.", [(4, BANNED)]),
        ("a.md", f"- one\n\n  ```\n  It {BANNED} you.\n  ```\n", []),
        ("a.md", f"The word `{BANNED}` and [a page]({BANNED}.md).", []),
        ("a.md", f"The pipeline bronze-{BANNED} reads {BANNED}.yaml and {BANNED}_by.", []),
        ("a.md", f"It is {BANNED}.", [(1, BANNED)]),
        ("a.md", f"The date {PHRASE[0]}\n{PHRASE[1]}.", [(1, " ".join(PHRASE))]),
        ("a.md", f"The date {PHRASE[0]} {PHRASE[1].title()}.", []),
        ("a.md", f"All of it. {'Of'} the rows, one counts.", [(1, "Of")]),
        ("a.py", f'"""It {BANNED} you."""', [(1, BANNED)]),
        ("a.py", f'x = 1\n"""About x.\n\nIt {BANNED} you."""', [(4, BANNED)]),
        ("a.py", f'x = "it {BANNED} you"', [(1, BANNED)]),
        ("a.py", f'x = f"{{y}} {BANNED} {{z}}"', [(1, BANNED)]),
        ("a.py", f'x = "{BANNED}"\n{BANNED} = 1', []),
        ("a.py", f"x = 1  # it {BANNED} you", [(1, BANNED)]),
        ("a.py", f"# The date {PHRASE[0]}\n# {PHRASE[1]}.", [(1, " ".join(PHRASE))]),
        ("a.py", f"def test_it_is_{BANNED}() -> None: ...", [(1, BANNED)]),
        ("a.py", f"async def test_it_is_{BANNED}() -> None: ...", [(1, BANNED)]),
        ("a.py", f'x = "Connection {REFUSED}"', []),
        ("a.py", f'x = "the server {REFUSED} it"', [(1, REFUSED)]),
        ("a.tf", f'  description = "It {BANNED} you."', [(1, BANNED)]),
        ("a.tf", f'x = 1\n  alarm_description   = "It {BANNED} you."', [(2, BANNED)]),
        ("a.tf", f'  error_message = "It {BANNED} you."', [(1, BANNED)]),
        ("a.tf", f'  name = "It {BANNED} you."', []),
        ("a.tf", f"# The date {PHRASE[0]}\n# {PHRASE[1]}.", [(1, " ".join(PHRASE))]),
        ("a.tf", f'x = 1\n  y = "#" # it {BANNED} you', [(2, BANNED)]),
        ("a.tf", f'x = "a # it {BANNED} you"', []),
        ("a.hcl", f"// it {BANNED} you", [(1, BANNED)]),
        ("a.asl.json", f'{{\n  "Comment": "It {BANNED} \\"you\\".",\n  "Next": "{BANNED} it"}}', [(2, BANNED)]),
        ("a.json", f'{{"description": "It {BANNED} you.", "title": "{BANNED} it"}}', [(1, BANNED), (1, BANNED)]),
        ("a.txt", f"# it {BANNED} you\nit {BANNED} you   | daily {BANNED} | x", [(1, BANNED), (2, BANNED)]),
        ("a.txt", f"job: {{type: {BANNED} it}}\n=> job.type: it {BANNED} you", [(2, BANNED)]),
        ("a.yaml", f"a: 1  # it {BANNED} you\ndescription: It {BANNED} you.", [(1, BANNED), (2, BANNED)]),
        ("a.yaml", f"a: {BANNED} it", []),
        ("a.toml", f'name = "It {BANNED} you"\nx = "{BANNED} it"', [(1, BANNED)]),
        ("a.sh", f'echo "$#" "{BANNED} it" # it {BANNED} you', [(1, BANNED)]),
    ],
)
def test_words_are_found_in_prose_only(name: str, text: str, expected: list[tuple[int, str]]) -> None:
    assert rules(name, text) == expected


@pytest.mark.parametrize(("length", "found"), [(60, 0), (61, 1)])
def test_long_test_names_are_found(length: int, found: int) -> None:
    name = "test_" + "x" * (length - 5)
    texts = list(prose.read("a.py", f"def {name}() -> None: ..."))
    assert [one.rule for one in language.long_names("a.py", texts)] == [name] * found


@pytest.mark.parametrize(
    ("text", "semicolons", "most"),
    [
        ("word " * 999 + "one;\n", 1, 2.0),
        ("word " * 99 + "one;\n", 1, 1.0),
        ("word; " * 3, 3, 1.0),
        ("`x; y` and `;` ", 0, 1.0),
    ],
)
def test_occurrences_are_counted_per_area(text: str, semicolons: int, most: float) -> None:
    texts = {"docs/a.md": list(prose.markdown(text))}
    assert ("docs", ";", semicolons, most) in list(language.dense(texts))


def test_messages_do_not_count_for_the_density() -> None:
    texts = {"docs/a.py": list(prose.python('x = "a; b"\n# one; two\n'))}
    assert ("docs", ";", 1, 1.0) in list(language.dense(texts))


@pytest.mark.parametrize(
    ("name", "area"),
    [
        ("README.md", "."),
        ("docs/reference/rows.md", "docs"),
        ("services/watchdog/src/interlock_watchdog/handler.py", "services"),
        ("packages/interlock-sla/src/interlock_sla/_cron.py", "packages/interlock-sla"),
        ("packages/interlock-sla/tests/test_cron.py", "packages/interlock-sla/tests"),
        ("tests/sla/stage.py", "tests/sla"),
        ("tests/public_surface.py", "tests"),
    ],
)
def test_each_file_belongs_to_an_area(name: str, area: str) -> None:
    assert language.area(name) == area


WORD = f"README.md: {BANNED}"
LIST = f"# A title\nREADME.md: {BANNED}: 2\nREADME.md::test_x\ndensity docs: ;: 9\n"
FOUND = {WORD: 2, "README.md::test_x": 1, "density docs: ;": 9}


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({}, []),
        ({WORD: 3}, [f"README.md: {BANNED}: found 3, allowed 2"]),
        ({"README.md: Of": 1}, ["README.md: Of: found 1, allowed 0"]),
        ({WORD: 1}, [f"README.md: {BANNED}: found 1, but the list still allows 2: run --update"]),
        ({"README.md::test_x": 0}, ["README.md::test_x: found 0, but the list still allows 1: run --update"]),
        ({"density docs: ;": 10}, ["density docs: ;: found 10, allowed 9"]),
        ({"density docs: ;": 0}, ["density docs: ;: found 0, but the list still allows 9: run --update"]),
    ],
)
def test_the_list_must_equal_the_findings(changed: dict[str, int], problem: list[str]) -> None:
    assert language.problems({**FOUND, **changed}, LIST) == problem


def test_a_wrong_or_repeated_line_is_reported() -> None:
    text = LIST + f"README.md: {BANNED}: 1\n<<<<<<< HEAD\n"
    assert [line.partition(": not")[0] for line in language.problems(FOUND, text)] == [
        f"README.md: {BANNED}: 1",
        "<<<<<<< HEAD",
    ]


@pytest.mark.parametrize(
    ("found", "text", "expected"),
    [
        (FOUND, LIST, LIST),
        ({**FOUND, WORD: 9, "README.md: Of": 1}, LIST, LIST),
        ({**FOUND, WORD: 1}, LIST, LIST.replace(f"{BANNED}: 2", f"{BANNED}: 1")),
        ({}, LIST, "# A title\n"),
        ({WORD: 1}, f"README.md: {BANNED}: 2\n=======\nREADME.md: {BANNED}: 3\n", f"README.md: {BANNED}: 1\n"),
        # A file moved: its entries follow, and no more than there were.
        ({f"docs/dates.md: {BANNED}": 4}, f"gone.md: {BANNED}: 3\n", f"docs/dates.md: {BANNED}: 3\n"),
        ({"docs/dates.md: Of": 1}, f"gone.md: {BANNED}: 3\n", "\n"),
        ({"docs/new.py::test_x": 1}, "gone.py::test_x\n", "docs/new.py::test_x\n"),
    ],
)
def test_an_update_never_adds_to_the_list(found: dict[str, int], text: str, expected: str) -> None:
    assert language.updated(Counter(found), text).strip() == expected.strip()
