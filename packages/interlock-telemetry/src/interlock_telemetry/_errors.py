"""Defines the errors of this package, with one base class, and their attributes."""


class TelemetryError(Exception):
    """The base class of every error that this package raises."""


class EnvironmentFault(TelemetryError):
    """The environment cannot be used. `missing` and `invalid` list all such variables at once.

    missing: names, in the order of the requirement. invalid: one sentence per variable.
    """

    def __init__(self, missing: tuple[str, ...] = (), invalid: tuple[str, ...] = ()) -> None:
        self.missing = missing
        self.invalid = invalid
        parts = [f"missing environment variables: {', '.join(missing)}"] if missing else []
        super().__init__("; ".join([*parts, *invalid]))


class MissingEnvironment(EnvironmentFault):
    """Required variables are unset or empty. `missing` lists all of them."""


class InvalidEnvironment(EnvironmentFault):
    """Variables have values that cannot be read. `invalid` lists them with the allowed values."""


class DeadlinePassed(TelemetryError):
    """The deadline passed before this task ended or before it began. `started` is true if it had begun."""

    def __init__(self, started: bool) -> None:
        self.started = started
        super().__init__("the deadline passed before it ended" if started else "the deadline passed before it began")


class StageTimeout(TelemetryError):
    """A stage did not end within its time limit. Its call may still be running in its thread."""

    def __init__(self, stage: str, seconds: float) -> None:
        self.stage = stage
        self.seconds = seconds
        super().__init__(f"stage {stage} did not end within {seconds:g}s")


class CallTimeout(TelemetryError, TimeoutError):
    """The deadline of the invocation passed before the end of a call. `call` names the call.

    sent: whether its request may have been sent, so that its outcome is unknown.
    """

    def __init__(self, call: str, *, sent: bool) -> None:
        self.call = call
        self.sent = sent
        end = "before its answer" if sent else "before its request"
        super().__init__(f"{call}: the invocation's time ended {end}")
