"""Delivers each alert to its targets, and posts the pending alerts of all targets."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from msgspec import Struct

from interlock_alert_dispatcher.alert import Alert
from interlock_alert_dispatcher.checkup import Check
from interlock_alert_dispatcher.delivery import Alerts
from interlock_alert_dispatcher.drain import Drained
from interlock_alert_dispatcher.errors import TargetRefused
from interlock_alert_dispatcher.plans import Plans
from interlock_alert_dispatcher.routing import DEFAULT, Routing
from interlock_config import AlertRules, AlertTarget
from interlock_dlq import Permanence, classify
from interlock_telemetry import InvocationDeadline, get_logger

_log = get_logger(__name__)
_LEAST_SHARE = timedelta(seconds=5)
_NAME = re.compile(r"[a-z0-9-]{1,40}")


class Drains(Protocol):
    """Posts pending alerts."""

    def run(self, deadline: InvocationDeadline) -> Drained:
        """Post pending alerts until the deadline."""
        ...


class Announcement(Struct, frozen=True):
    """A message that is about no alert. A target that gets the same key twice has the same message.

    `is_repeat`: an earlier post may have succeeded without its answer, at the earliest at `since` (UTC). `late`: the
    message waited for its target.
    """

    key: str
    text: str
    since: datetime | None = None
    is_repeat: bool = False
    late: bool = False


Follow = Callable[[Alert, str, InvocationDeadline], None]
"""Lets a target's thread of a run state an alert that is routed elsewhere. The text is the body of its message."""


def _follow_nothing(alert: Alert, body: str, deadline: InvocationDeadline) -> None:
    return


def _announce_nothing(said: Announcement, deadline: InvocationDeadline) -> str:
    raise TargetRefused("this target takes no announcements")


class Target(Struct, frozen=True):
    """A target: its address, its delivery, the drain of its pending alerts, and the check of its settings, if any.

    `place` ends the keys of its rows. It is empty for the default channel. `announce` posts a message that is about no
    alert, and returns the id that the target gave it. It raises DeliveryError. With `only_logs` all goes to the log.
    `follow` takes the alerts of its threads that are routed elsewhere. A target without threads ignores them.
    """

    address: str
    alerts: Alerts
    drain: Drains
    check: Check | None = None
    place: str = ""
    announce: Callable[[Announcement, InvocationDeadline], str] = _announce_nothing
    only_logs: bool = False
    follow: Follow = _follow_nothing


class PostingRules(Struct, frozen=True):
    """The rules of a target: the person whom an alert mentions, the window of suppression, whether a success opens no
    thread, and the page of a date. None of window and quiet leaves them to the settings."""

    mention: Callable[[Alert], str]
    window: timedelta | None = None
    quiet: bool | None = None
    page: str = ""


MakeTarget = Callable[[str, AlertTarget | None, PostingRules], Target]
"""Makes the target of a name. Without a description it is the default channel, which posts for that name."""


class Targets:
    """The targets of the routing that counts now. They are made once per routing."""

    def __init__(self, routing: Callable[[], Routing], make: MakeTarget) -> None:
        self._routing = routing
        self._make = make
        self._made_for = Routing()
        self._made: dict[str, Target] = {}

    def routing(self) -> Routing:
        """The routing that counts now."""
        found = self._routing()
        if found != self._made_for:
            self._made_for = found
            self._made.clear()
        return found

    def named(self, name: str) -> Target:
        """The target of a name. A name that left the routing leads to the default channel."""
        self.routing()
        if name not in self._made:
            rules = self._made_for.rules
            described = rules.targets.get(name) if rules else None
            posting = self._posting_rules(name, rules)
            self._made[name] = self._make(name, described, posting)
        return self._made[name]

    def checks(self) -> dict[str, Check]:
        """The checks of the default channel, of each target of the routing, and of the routing itself."""
        rules = self.routing().rules
        used = [self.named(name) for name in (DEFAULT, *(rules.targets if rules else ()))]
        own = {one.address: one.check for one in used if one.check is not None}
        return {**own, "alerts.yaml": self._made_for.check}

    def _posting_rules(self, name: str, rules: AlertRules | None) -> PostingRules:
        mention = self._mention_at(name)
        if rules is None:
            return PostingRules(mention)
        window = rules.suppress.window if rules.suppress else None
        return PostingRules(mention, window, rules.quiet, rules.page or "")

    def _mention_at(self, name: str) -> Callable[[Alert], str]:
        routing = self._made_for
        return lambda alert: routing.targets_of(alert).get(name, "")


class Fanout:
    """Delivers an alert to each of its targets. A failure of one target never hinders the others."""

    def __init__(self, targets: Targets, plans: Plans) -> None:
        self._targets = targets
        self._plans = plans

    def deliver(self, alert: Alert, body: str, deadline: InvocationDeadline) -> None:
        """Deliver the alert, or keep it for the targets that do not take it.

        Raises an error that is not one of a target, after all targets were tried. The queue then delivers the alert
        again, and the targets that have it get it no second time. A transient error is raised before a permanent one,
        because a permanent one ends the deliveries of the alert.
        """
        routing = self._targets.routing()
        names = [DEFAULT] if routing.rules is None or alert.is_merged else self._plan(alert, routing)
        failures: list[Exception] = []
        calls: list[tuple[str, Follow]] = [(name, self._targets.named(name).alerts.deliver) for name in names]
        if not alert.is_merged:
            calls += [(name, self._targets.named(name).follow) for name in self._followers(alert, routing, names)]
        for name, call in calls:
            try:
                call(alert, body, deadline)
            except Exception as failure:  # noqa: BLE001 - it is raised after the other targets
                _log.error("target_failed", target=name, type=alert.type, reason=f"{type(failure).__name__}: {failure}")
                failures.append(failure)
        if failures:
            raise next((one for one in failures if classify(one) is Permanence.TRANSIENT), failures[0])

    def _followers(self, alert: Alert, routing: Routing, names: list[str]) -> list[str]:
        """The other targets that may have a thread of the alert's run, one name per place."""
        used = {self._targets.named(name).place for name in names}
        places = {self._targets.named(name).place: name for name in routing.reachable(alert)}
        return [name for place, name in places.items() if place not in used]

    def _plan(self, alert: Alert, routing: Routing) -> list[str]:
        """The targets of the first delivery of this alert, so that an edit of the routing changes no alert halfway."""
        return self._plans.keep(alert, {name: self._targets.named(name).place for name in routing.targets_of(alert)})


class AllDrains:
    """Posts the pending alerts of the default channel and of each target that has some.

    `waited` has the names of targets with pending alerts. `retire` takes the name of a target without one from them.
    """

    def __init__(
        self,
        targets: Targets,
        waited: Callable[[], list[str]],
        retire: Callable[[str], None],
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._targets = targets
        self._waited = waited
        self._retire = retire
        self._now = now

    def run(self, deadline: InvocationDeadline) -> Drained:
        """Post pending alerts until the deadline.

        The default channel comes first. Each target gets an equal part of the time that is left, and at least the time
        for a few messages. If that is too much for all, each tick begins with another target.
        """
        others = sorted(name for name in self._waited() if _NAME.fullmatch(name))
        first = int(self._now().timestamp() // 60) % max(len(others), 1)
        names = [DEFAULT, *others[first:], *others[:first]]
        results: list[Drained] = []
        failures: list[Exception] = []
        for place, name in enumerate(names):
            share = max(deadline.remaining() / (len(names) - place), _LEAST_SHARE)
            part = InvocationDeadline.after(min(share, deadline.remaining()), clock=deadline.clock)
            try:
                results.append(self._targets.named(name).drain.run(part))
                if name != DEFAULT and not results[-1].waiting:
                    self._retire(name)
            except Exception as failure:  # noqa: BLE001 - it is raised after the other targets
                _log.error("drain_failed", target=name, reason=f"{type(failure).__name__}: {failure}")
                failures.append(failure)
        if failures:
            raise failures[0]
        return Drained(
            sum(one.posted for one in results),
            sum(one.waiting for one in results),
            next((one.reason for one in results if one.reason), None),
        )
