"""The routing of alerts, as the file alerts.yaml describes it, and the targets that follow from it for one event."""

import re
from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import cache
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta, Struct

from interlock_sla import Duration, zone

from ._fields import TimeOfDay, Timezone, duration, whole
from ._structs import Section

DEFAULT_TARGET = ""
"""The name of the channel in the variable SLACK_CHANNEL_ID, which a file cannot name."""

TARGET_NAME = r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?"
"""The form of a target's name."""

LONGEST_WINDOW = timedelta(hours=24)
"""The longest window of suppression."""

_STAR = "\0"
_GLOB_MEANING = "`*` matches any text, `?` one character."


class AlertSeverity(StrEnum):
    """The severities of alerts."""

    CRITICAL = "critical"
    WARNING = "warning"
    NOTICE = "notice"
    GOOD = "good"


class TopicFormat(StrEnum):
    """The form of the messages of an SNS topic."""

    TEXT = "text"
    CHATBOT = "chatbot"


class AlertTarget(Section, frozen=True):
    """One place that receives alerts: a Slack channel, an SNS topic or a webhook."""

    slack: (
        Annotated[
            str,
            Meta(
                pattern=r"^[CG][A-Z0-9]{5,20}$(?!\n)",
                description="Id of a Slack channel. The bot must be a member of it.",
                examples=["C0123456789"],
                extra={"allowed": "must be the id of a Slack channel such as C0123456789, not its name"},
            ),
        ]
        | None
    ) = None
    sns: (
        Annotated[
            str,
            Meta(
                pattern=r"^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?$(?!\n)",
                description="ARN of an SNS topic.",
                examples=["arn:aws:sns:eu-central-1:111122223333:data-alerts"],
                extra={"allowed": "must be the ARN of an SNS topic"},
            ),
        ]
        | None
    ) = None
    format: Annotated[
        TopicFormat,
        Meta(
            description="Form of the messages of an SNS topic: text for people, or the form of Amazon Q Developer in "
            "chat applications (formerly AWS Chatbot), which brings them to Teams, Chime and Slack.",
            examples=["chatbot"],
        ),
    ] = TopicFormat.TEXT
    webhook: (
        Annotated[
            str,
            Meta(
                pattern=r"^(https://|http://(127\.0\.0\.1|localhost)[:/])[\x21-\x7e]{1,1000}$(?!\n)",
                description="Address that gets each alert as a signed POST.",
                examples=["https://hooks.example.com/interlock"],
                extra={"allowed": "must be an https:// URL (http:// only for 127.0.0.1 and localhost)"},
            ),
        ]
        | None
    ) = None
    secret: (
        Annotated[
            str,
            Meta(
                pattern=r"^(\$\{INTERLOCK_[A-Z0-9_]{1,100}\}"
                r"|\$\{secret:[A-Za-z0-9/_+=.@:-]{1,512}(#[A-Za-z0-9_.-]{1,100})?\}"
                r"|arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]{1,512})$(?!\n)",
                description="Place of the key that signs the posts of a webhook: a variable of the alert-dispatcher, "
                "a secret in Secrets Manager by name, or by its ARN.",
                examples=["${INTERLOCK_WEBHOOK_KEY}"],
                extra={
                    "allowed": "must be ${INTERLOCK_…}, ${secret:NAME}, ${secret:NAME#FIELD} or the ARN of a secret in "
                    "Secrets Manager, not the key"
                },
            ),
        ]
        | None
    ) = None

    @property
    def address(self) -> str:
        """The channel, the topic or the URL."""
        return self.slack or self.sns or self.webhook or ""


_Glob = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9_.*?-]{1,64}$(?!\n)",
        description=f"Ids of pipelines. {_GLOB_MEANING}",
        examples=["bronze-*"],
        extra={"allowed": "must be 1 to 64 letters, digits, '-', '_', '.', '*' or '?'"},
    ),
]
_Names = Annotated[
    tuple[str, ...],
    Meta(
        min_length=1,
        description="Names of targets.",
        examples=[["data-team"]],
        extra={"allowed": "must be a list of at least one name of a target"},
    ),
]
_PERSON = r"^(here|channel|[UW][A-Z0-9]{5,20}|S[A-Z0-9]{5,20})$(?!\n)"
_MENTIONED = "must be here, channel, or the id of a Slack user (U…) or user group (S…)"


class AlertMatch(Section, frozen=True):
    """The alerts of a route. Each key that is given must match. Without a key, every alert matches."""

    severity: Annotated[
        tuple[AlertSeverity, ...],
        Meta(
            description="Severities.",
            examples=[["critical", "warning"]],
            extra={"allowed": "must be a list of critical, warning, notice or good"},
        ),
    ] = ()
    owner: (
        Annotated[
            str,
            Meta(
                min_length=1,
                description=f"Owners of pipelines. {_GLOB_MEANING} An alert without an owner does not match.",
                examples=["team-*"],
                extra={"allowed": "must be the text of an owner, with '*' and '?' as wildcards"},
            ),
        ]
        | None
    ) = None
    pipeline: _Glob | None = None
    event: Annotated[
        tuple[str, ...],
        Meta(
            description="Event types.",
            examples=[["SLA_BREACH", "RETRY_EXHAUSTED"]],
            extra={"allowed": "must be a list of event types such as [SLA_BREACH]"},
        ),
    ] = ()


class AlertMention(Section, frozen=True):
    """The people whom Slack notifies of an alert that is a change for the worse, by its severity."""

    critical: (
        Annotated[
            str,
            Meta(
                pattern=_PERSON,
                description="here, channel, or the id of a user or a user group.",
                examples=["here"],
                extra={"allowed": _MENTIONED},
            ),
        ]
        | None
    ) = None
    warning: (
        Annotated[
            str,
            Meta(
                pattern=_PERSON,
                description="here, channel, or the id of a user or a user group.",
                examples=["S0123456789"],
                extra={"allowed": _MENTIONED},
            ),
        ]
        | None
    ) = None


_EVERY, _NOBODY = AlertMatch(), AlertMention()


class AlertRoute(Section, frozen=True):
    """One way of alerts to targets."""

    to: _Names
    match: Annotated[AlertMatch, Meta(description="The alerts of the route. Every alert by default.")] = _EVERY
    mention: Annotated[AlertMention, Meta(description="Mentions in Slack, by severity.")] = _NOBODY
    continues: Annotated[bool, Meta(description="Whether the routes below are asked too.", examples=[True])] = (
        msgspec.field(default=False, name="continue")
    )


class Suppression(Section, frozen=True):
    """The suppression of repeats in Slack."""

    window: Annotated[
        Duration, duration("Time in which a repeat changes the head alone, at most 24h.", "30m", LONGEST_WINDOW)
    ]


class AlertDigest(Section, frozen=True):
    """The summary of a day."""

    at: Annotated[TimeOfDay, Meta(description="Time of the digest, HH:MM, in the time zone of the digest.")]
    to: Annotated[
        str,
        Meta(
            min_length=1,
            description="Name of the target.",
            examples=["data-team"],
            extra={"allowed": "must be the name of a target"},
        ),
    ]
    timezone: Annotated[Timezone, Meta(description="IANA time zone, UTC by default.")] = "UTC"

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of `at`."""
        return zone(self.timezone)


class AlertRules(Section, frozen=True):
    """The routing of alerts."""

    version: Annotated[int, whole("Version of the form of this file.", 1, 1, 1)]
    targets: Annotated[
        dict[str, AlertTarget],
        Meta(
            description="The places that receive alerts, by name.",
            examples=[{"data-team": {"slack": "C0123456789"}}],
            extra={"allowed": "must be a mapping from names to targets"},
        ),
    ] = msgspec.field(default_factory=dict)
    routes: Annotated[
        tuple[AlertRoute, ...],
        Meta(
            description="The first route that matches counts, and with `continue: true` the next one too.",
            examples=[[{"match": {"severity": ["critical"]}, "to": ["data-team"]}]],
            extra={"allowed": "must be a list of routes {match, to}"},
        ),
    ] = ()
    default: Annotated[
        tuple[str, ...],
        Meta(
            description="Names of the targets of alerts that no route matches. SLACK_CHANNEL_ID by default.",
            examples=[["data-team"]],
            extra={"allowed": "must be a list of names of targets"},
        ),
    ] = ()
    quiet: Annotated[
        bool | None,
        Meta(
            description="Whether a success opens no Slack thread. ALERT_QUIET of the alert-dispatcher by default.",
            examples=[False],
        ),
    ] = None
    page: (
        Annotated[
            str,
            Meta(
                pattern=r"^https?://([!-z|~]|\{pipeline\}|\{date\}){1,1000}$(?!\n)",
                description="Address of a page about one date, with the placeholders {pipeline} and {date}. Alerts "
                "link to it.",
                examples=["https://interlock.example.com/run?pipeline={pipeline}&date={date}"],
                extra={"allowed": "must be an http:// or https:// URL, with no placeholder but {pipeline} and {date}"},
            ),
        ]
        | None
    ) = None
    suppress: Annotated[Suppression | None, Meta(description="The suppression of repeats in Slack.")] = None
    digest: Annotated[AlertDigest | None, Meta(description="The summary of a day.")] = None


class AlertFacts(Struct, frozen=True, kw_only=True):
    """The facts of an event that decide its route. The severity is that of the alert."""

    event: str
    severity: str
    pipeline: str
    owner: str = ""


def route(rules: AlertRules, facts: AlertFacts) -> dict[str, str]:
    """The names of the targets of an alert, in the order of the routes, each with its mention or "".

    It is never empty: an alert without a route goes to the default targets, else to DEFAULT_TARGET.
    """
    found: dict[str, str] = {}
    for one in rules.routes:
        if not matches(one.match, facts):
            continue
        said = {AlertSeverity.CRITICAL: one.mention.critical, AlertSeverity.WARNING: one.mention.warning}
        mention = next((who or "" for severity, who in said.items() if severity == facts.severity), "")
        for name in one.to:
            found[name] = found.get(name) or mention
        if not one.continues:
            break
    return found or dict.fromkeys(rules.default or (DEFAULT_TARGET,), "")


def reachable(rules: AlertRules, facts: AlertFacts) -> tuple[str, ...]:
    """The names of the targets that any alert of the same run may reach, whatever its event and its severity.

    An alert without an owner may belong to any owner, because other alerts of its run may have one.
    """
    found: dict[str, None] = {}
    has_default = True
    for one in rules.routes:
        is_owned = one.match.owner is not None and facts.owner == ""
        wide = msgspec.structs.replace(one.match, severity=(), event=(), owner=None if is_owned else one.match.owner)
        if not matches(wide, facts):
            continue
        found |= dict.fromkeys(one.to)
        if not (one.match.severity or one.match.event or is_owned):
            has_default = False
            if not one.continues:
                break
    return tuple(found | dict.fromkeys((rules.default or (DEFAULT_TARGET,)) if has_default else ()))


def matches(match: AlertMatch, facts: AlertFacts) -> bool:
    """Whether the alert has each property that the match names."""
    return (
        (not match.severity or facts.severity in match.severity)
        and (not match.event or facts.event in match.event)
        and (match.pipeline is None or glob_matches(match.pipeline, facts.pipeline))
        and (match.owner is None or (facts.owner != "" and glob_matches(match.owner, facts.owner)))
    )


def glob_matches(glob: str, text: str) -> bool:
    """Whether a text matches a pattern with `*` and `?`. Brackets are plain characters, and the case counts."""
    return fnmatchcase(text, glob.replace("[", "[[]"))


def covers(wide: AlertMatch, narrow: AlertMatch) -> bool:
    """Whether `wide` certainly matches each alert that `narrow` matches."""
    return (
        _covers_names(wide.severity or tuple(AlertSeverity), narrow.severity or tuple(AlertSeverity))
        and (not wide.event or (bool(narrow.event) and _covers_names(wide.event, narrow.event)))
        and _covers_glob(wide.pipeline, narrow.pipeline)
        and _covers_glob(wide.owner, narrow.owner, may_be_absent=True)
    )


def _covers_names(wide: Iterable[str], narrow: Iterable[str]) -> bool:
    return set(narrow) <= set(wide)


def _covers_glob(wide: str | None, narrow: str | None, *, may_be_absent: bool = False) -> bool:
    if wide is None:
        return True
    if narrow is None:
        return wide.strip("*") == "" and not may_be_absent
    # The stars of the narrow side become a character that only a star of the wide side covers.
    parts = {"*": "(?s:.*)", "?": f"[^{_STAR}]"}
    wide_form = "".join(parts.get(sign, re.escape(sign)) for sign in wide)
    return re.fullmatch(wide_form, narrow.replace("*", _STAR)) is not None


@cache
def alert_types() -> tuple[str, ...]:
    """The event types that are alerts. docs/generate.py writes them from the event catalogue."""
    # Functions on AWS route alerts without this list, and the import takes a noticeable part of a cold start.
    from importlib.resources import files

    return tuple(msgspec.json.decode((files(__package__) / "alert_events.json").read_bytes(), type=list[str]))
