"""The failures of a delivery, for every kind of target."""

from datetime import datetime

from interlock_dlq import Permanence


class DeliveryError(Exception):
    """The base of all errors of a target. The alert waits as a row."""


class TargetAway(DeliveryError):
    """The target gave no valid answer: it may or may not have taken the alert."""

    sent_nothing = False
    """Whether the target certainly did not take the alert, because nothing was sent."""


class TargetBusy(DeliveryError):
    """The target took nothing and asks to wait: nothing may be sent before `until` (UTC)."""

    def __init__(self, until: datetime, who: str = "the target") -> None:
        self.until = until
        super().__init__(f"{who} asks to wait until {until:%Y-%m-%dT%H:%M:%SZ}")


class TargetRefused(DeliveryError):
    """The target rejected the alert and did nothing. It may take other alerts, or later ones."""


class TargetRejected(TargetRefused):
    """The target rejected the alert for good. A repetition would be rejected again: the alert becomes a dead letter."""

    permanence = Permanence.PERMANENT


class SettingsFault(TargetAway):
    """A setting of the target is wrong or cannot be read. Nothing was sent, and the alert waits until it is fixed."""

    sent_nothing = True


def lost_answer(error: Exception) -> str:
    """The reason why the target may have taken the alert in spite of the error, "" if it certainly did not."""
    return str(error) if isinstance(error, TargetAway) and not error.sent_nothing else ""
