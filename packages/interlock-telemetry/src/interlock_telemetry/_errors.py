"""The errors of this package: one root, and what each carries."""


class TelemetryError(Exception):
    """Root of every error that this package raises."""


class EnvironmentFault(TelemetryError):
    """The environment cannot be used; `missing` and `invalid` name every variable at once.

    `missing`: names, in the order in which they were required. `invalid`: one sentence per variable.
    """

    def __init__(self, missing: tuple[str, ...] = (), invalid: tuple[str, ...] = ()) -> None:
        self.missing = missing
        self.invalid = invalid
        parts = [f"missing environment variables: {', '.join(missing)}"] if missing else []
        super().__init__("; ".join([*parts, *invalid]))


class MissingEnvironment(EnvironmentFault):
    """Required variables are unset or empty; `missing` names all of them."""


class InvalidEnvironment(EnvironmentFault):
    """Variables are set to something that cannot be read; `invalid` says which, and what is allowed."""


class DeadlinePassed(TelemetryError):
    """The time was over before this piece of work was finished, or begun (`started` tells which)."""

    def __init__(self, started: bool) -> None:
        self.started = started
        super().__init__("the deadline passed before it ended" if started else "the deadline passed before it began")


class StageTimeout(TelemetryError):
    """A stage did not end in its time. What it had begun may still be running in its thread."""

    def __init__(self, stage: str, seconds: float) -> None:
        self.stage = stage
        self.seconds = seconds
        super().__init__(f"stage {stage} did not end within {seconds:g}s")
