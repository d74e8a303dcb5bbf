"""All reachable states of the waiting protocol within bounds. docs/reference/waiting-model.md explains the model."""

from functools import cache

import pytest
from model.explorer import Explorer, Result
from model.protocol import MUTANTS, Bounds
from model.scopes import HUNTS, SHORT


@cache
def explored(bounds: Bounds) -> Result:
    return Explorer(bounds).explore()


@pytest.mark.parametrize("name", SHORT)
def test_every_reachable_state_keeps_the_properties(name: str) -> None:
    result = explored(SHORT[name])
    print(f"{name}: {result.states:,} states, {result.transitions:,} transitions")
    assert result.found is None, "\n".join((result.found.name, *result.found.trace))
    assert result.quiet


@pytest.mark.parametrize("names", HUNTS, ids=" ".join)
def test_mutant_breaks_its_property(names: tuple[str, ...]) -> None:
    bounds, broken = HUNTS[names]
    assert explored(bounds).found is None
    found = Explorer(bounds, names).explore().found
    assert found is not None
    assert found.name.split(":")[0] == broken


def test_every_mutant_is_hunted() -> None:
    assert {name for names in HUNTS for name in names} == set(MUTANTS)
