"""The replay of one date: the decisions of the controller on recorded rows and jobs, under another config."""

from interlock_lifecycle.trials._course import Course, Scene
from interlock_lifecycle.trials._deadlines import Deadlines
from interlock_lifecycle.trials._requests import Requests
from interlock_lifecycle.trials._state import State


def replay(scene: Scene, *, leniently: bool) -> Course:
    """The course of a date. `leniently`: unknown rows count as held where that is possible, and else as not held."""
    state = State(scene, leniently=leniently)
    deadlines = Deadlines(state)
    Requests(state, deadlines).await_all()
    deadlines.await_all()
    state.agenda.play(scene.until, lambda: bool(state.unknown))
    return state.course()
