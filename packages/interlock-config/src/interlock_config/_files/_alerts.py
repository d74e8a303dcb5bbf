"""The file alerts.yaml: its conversion to JSON and back, and the checks of its routes."""

import re
from collections.abc import Iterable, Sequence
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any
from urllib.parse import urlsplit

from msgspec import UNSET

from interlock_config._alert_rules import (
    LONGEST_WINDOW,
    TARGET_NAME,
    AlertMatch,
    AlertMention,
    AlertRoute,
    AlertRules,
    AlertTarget,
    TopicFormat,
    alert_types,
    covers,
)
from interlock_config._checks import zone_problem
from interlock_config._problems import ConfigError, Findings, Path, did_you_mean, render
from interlock_config._values import shaped, to_json, without_absent

from ._json import read_json
from ._yaml_on_demand import read_yaml

MOST_TARGETS = 50
MOST_ROUTES = 200
_ALLOWED = "the variable INTERLOCK_TRIGGER_ALLOWED_HOSTS of the alert-dispatcher (Terraform: webhook_allowed_hosts)"
_FAILED, _LAST = "JOB_FAILED", "RETRY_EXHAUSTED"
_KINDS = ("slack", "sns", "webhook")


def decode_alerts(data: bytes | str, source: str = "") -> AlertRules:
    """Read the routing of alerts from JSON, as it is stored. Raises ConfigError with every error of the text."""
    return build_alerts(read_json(data, source).value, Findings(source))


def decode_alerts_yaml(text: str | bytes, source: str = "") -> AlertRules:
    """Read the routing of alerts from YAML. Raises ConfigError with every error of the file."""
    return build_alerts(*read_yaml(text, source))


def encode_alerts(rules: AlertRules) -> str:
    """The routing as JSON. `decode_alerts` returns an equal routing."""
    return to_json(rules)


def build_alerts(raw: Any, findings: Findings) -> AlertRules:
    """The routing from plain values, with its warnings recorded. Raises ConfigError with every error."""
    rules = shaped(AlertRules, without_absent(AlertRules, raw), findings)
    if rules is not None:
        for look in (_look_at_targets, _look_at_names, _look_at_routes, _look_at_rest):
            look(rules, findings)
    if rules is None or findings.failed:
        raise ConfigError(findings.in_order())
    return rules


def _look_at_targets(rules: AlertRules, findings: Findings) -> None:
    if len(rules.targets) > MOST_TARGETS:
        findings.error(("targets",), UNSET, f"has {len(rules.targets)} targets; at most {MOST_TARGETS} are allowed")
    first: dict[str, str] = {}
    for name, target in rules.targets.items():
        path: Path = ("targets", name)
        if not findings.touches(path):
            _look_at_target(target, path, findings)
        if re.fullmatch(TARGET_NAME, name) is None:
            allowed = "the name of a target must be 1 to 40 lower-case letters, digits and '-', with no '-' at an end"
            findings.error(path, UNSET, allowed)
        if target.address and (earlier := first.setdefault(target.address, name)) != name:
            kind = next(kind for kind in _KINDS if getattr(target, kind))
            findings.error((*path, kind), target.address, f"is also the address of {earlier}; keep one of the two")


def _look_at_target(target: AlertTarget, path: Path, findings: Findings) -> None:
    given = [kind for kind in _KINDS if getattr(target, kind) is not None]
    if len(given) != 1:
        has = f"it has {' and '.join(given)}" if given else "it has none of them"
        findings.error(path, UNSET, f"must have exactly one of slack, sns and webhook; {has}")
    elif target.sns is None and target.format is not TopicFormat.TEXT:
        findings.error((*path, "format"), target.format.value, "belongs to an SNS topic")
    elif target.webhook is None and target.secret is not None:
        findings.error((*path, "secret"), target.secret, "belongs to a webhook; only its posts are signed")
    elif target.webhook is not None and target.secret is None:
        findings.error((*path, "secret"), UNSET, "is missing; the posts of a webhook are signed")
    if target.webhook is not None:
        _look_at_webhook(target.webhook, (*path, "webhook"), findings)


def _look_at_webhook(url: str, path: Path, findings: Findings) -> None:
    """Record an address that the alert-dispatcher never reaches, or reaches only with an entry of its allow-list.

    Only the alert-dispatcher knows the addresses of a name and its allow-list, and checks them.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        findings.error(path, url, "must be a URL with a host, and a port from 1 to 65535 if it has one")
        return
    if "@" in parts.netloc:
        findings.error(path, url, "must have no user name and no password; the signature of each post shows its sender")
    elif not host:
        findings.error(path, url, "must be a URL with a host")
    elif _is_link_local(host):
        findings.error(path, url, "must not be a link-local address")
    elif not _may_be_public(host):
        findings.warning(path, url, f"{host} is not a public address: only {_ALLOWED} permits it")


def _is_link_local(host: str) -> bool:
    address = _address_of(host)
    return address is not None and address.is_link_local


def _may_be_public(host: str) -> bool:
    address = _address_of(host)
    return host.rstrip(".") != "localhost" if address is None else address.is_global


def _address_of(host: str) -> IPv4Address | IPv6Address | None:
    """The address in the text of a host, None for a name. An IPv4 address within an IPv6 address counts."""
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _look_at_names(rules: AlertRules, findings: Findings) -> None:
    """Record each name that is no target, and each repeated name. A target with an error of its own is known."""
    if findings.covers(("targets",)):
        return
    used: set[str] = set()
    for path, names in _lists_of_names(rules, findings):
        used |= set(names)
        _look_at_repeats(names, path, findings)
        for place, name in enumerate(names):
            _look_at_name(name, (*path, place), rules, findings)
    if rules.digest is not None and not findings.touches(("digest", "to")):
        used.add(rules.digest.to)
        _look_at_name(rules.digest.to, ("digest", "to"), rules, findings)
    if any(findings.touches((part,)) for part in ("routes", "default", "digest")):
        return  # A name that cannot be read may be the one that is missing here.
    for name in sorted(rules.targets.keys() - used):
        if findings.touches(("targets", name)):
            continue
        findings.warning(("targets", name), UNSET, "gets no alert: no route, default or digest names it")


def _lists_of_names(rules: AlertRules, findings: Findings) -> list[tuple[Path, tuple[str, ...]]]:
    """The lists that name targets, by their places. A list with an error is left out."""
    lists = [
        *((("routes", place, "to"), one.to) for place, one in enumerate(rules.routes)),
        (("default",), rules.default),
    ]
    return [(path, names) for path, names in lists if not findings.touches(path)]


def _look_at_name(name: str, path: Path, rules: AlertRules, findings: Findings) -> None:
    if name in rules.targets or findings.touches(("targets", name)):
        return
    names = sorted(rules.targets)
    hint = did_you_mean(name, names) or (f"; the targets are {', '.join(names)}" if names else "; there is no target")
    findings.error(path, name, f"is not the name of a target{hint}")


def _look_at_routes(rules: AlertRules, findings: Findings) -> None:
    if len(rules.routes) > MOST_ROUTES:
        findings.error(("routes",), UNSET, f"has {len(rules.routes)} routes; at most {MOST_ROUTES} are allowed")
        return
    for place, one in enumerate(rules.routes):
        path: Path = ("routes", place)
        if not findings.covers(path):
            _look_at_events(one.match, (*path, "match", "event"), findings)
            _look_at_repeats(one.match.severity, (*path, "match", "severity"), findings)
            _look_at_mention(rules, one, path, findings)
            _look_at_last_failure(rules, one, (*path, "match", "event"), findings)
    # A route with an error is replaced by a harmless one, which could match each alert.
    right = [place for place in range(len(rules.routes)) if not findings.touches(("routes", place))]
    for number, place in enumerate(right):
        _look_at_reach(rules.routes, right[:number], place, findings)


def _look_at_events(match: AlertMatch, path: Path, findings: Findings) -> None:
    known = alert_types()
    for place, name in enumerate(match.event):
        if name not in known:
            findings.error((*path, place), name, f"is not an event type that is an alert{did_you_mean(name, known)}")
    _look_at_repeats(match.event, path, findings)


def _look_at_repeats(names: tuple[str, ...], path: Path, findings: Findings) -> None:
    for place, name in enumerate(names):
        if name in names[:place]:
            findings.error((*path, place), str(name), "is named twice in this list")


def _look_at_reach(routes: Sequence[AlertRoute], earlier: Iterable[int], place: int, findings: Findings) -> None:
    one = routes[place]
    for number in earlier:
        former, where = routes[number], render(("routes", number))
        if not former.continues and covers(former.match, one.match):
            findings.error(
                ("routes", place), UNSET, f"is never reached: {where} matches each of its alerts and ends the search"
            )
            return
        if former.match == one.match and set(one.to) <= set(former.to):
            findings.error(("routes", place), UNSET, f"repeats {where}: the same alerts go to the same targets")
            return


def _look_at_mention(rules: AlertRules, one: AlertRoute, path: Path, findings: Findings) -> None:
    targets = [rules.targets[name] for name in one.to if name in rules.targets]
    if one.mention != AlertMention() and targets and not any(target.slack for target in targets):
        findings.warning((*path, "mention"), UNSET, "has no effect: none of the route's targets is a Slack channel")


def _look_at_last_failure(rules: AlertRules, one: AlertRoute, path: Path, findings: Findings) -> None:
    """Warn of a route that gets each failed attempt but the last one, which RETRY_EXHAUSTED reports."""
    if _FAILED in one.match.event and not any(_LAST in other.match.event for other in rules.routes):
        place = (*path, one.match.event.index(_FAILED))
        message = f"does not get the last failure of a run: {_LAST} has it. Add {_LAST} to the route or to another one"
        findings.warning(place, _FAILED, message)


def _look_at_rest(rules: AlertRules, findings: Findings) -> None:
    if rules.suppress is not None and not findings.touches(("suppress", "window")):
        window = rules.suppress.window
        if not timedelta() < window <= LONGEST_WINDOW:
            findings.error(("suppress", "window"), window.text, "must be longer than 0s and at most 24h")
    if rules.digest is not None and not findings.touches(("digest", "timezone")):
        zone_problem(rules.digest.timezone, ("digest", "timezone"), findings)
