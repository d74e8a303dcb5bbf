"""A queue in memory that hides received messages by its own clock, and fails on request."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

START = datetime(2026, 3, 3, 8, tzinfo=UTC)


class FakeQueue:
    """An SQS client with one queue. `moment` is the clock of the queue and of the redrive.

    obeys_hold: whether a received message is hidden. Without it each receive may return any message again.
    A hidden message hides the others of its group, and the queue counts these as visible, as FIFO queues of SQS do.
    fails: called with the name of each request. It raises the error of the request.
    """

    def __init__(self, *, obeys_hold: bool = True, fails: Callable[[str], object] = lambda request: None) -> None:
        self.moment = START
        self.bodies: dict[str, str] = {}
        self._attributes: dict[str, dict[str, str]] = {}
        self._hidden_until: dict[str, datetime] = {}
        self._obeys_hold = obeys_hold
        self.fails = fails
        self._turn = 0

    def now(self) -> datetime:
        return self.moment

    def put(self, body: str, group: str = "") -> str:
        """Add a message."""
        name = f"m-{len(self._attributes):04}"
        stamp = str(int(self.moment.timestamp() * 1000))
        self.bodies[name] = body
        self._attributes[name] = {"SentTimestamp": stamp, **({"MessageGroupId": group} if group else {})}
        return name

    def send_message(self, *, MessageBody: str, MessageGroupId: str = "", **_: Any) -> Any:  # noqa: N803
        self.put(MessageBody, MessageGroupId)

    def receive_message(self, *, MaxNumberOfMessages: int, VisibilityTimeout: int, **_: Any) -> Any:  # noqa: N803
        self.fails("receive")
        self.moment += timedelta(seconds=1)
        visible = self._visible()
        held = {self._group(name) for name in self.bodies if name not in visible} - {""}
        visible = [name for name in visible if self._group(name) not in held]
        if not self._obeys_hold and visible:
            self._turn = (self._turn + MaxNumberOfMessages) % len(visible)
            visible = visible[self._turn :] + visible[: self._turn]
        taken = visible[:MaxNumberOfMessages]
        if self._obeys_hold:
            self._hidden_until |= dict.fromkeys(taken, self.moment + timedelta(seconds=VisibilityTimeout))
        return {"Messages": [self._message(name) for name in taken]}

    def delete_message(self, *, ReceiptHandle: str, **_: Any) -> Any:  # noqa: N803
        self.fails("delete")
        self.bodies.pop(ReceiptHandle, None)

    def change_message_visibility_batch(self, *, Entries: list[dict[str, Any]], **_: Any) -> Any:  # noqa: N803
        self.fails("release")
        for entry in Entries:
            self._hidden_until.pop(entry["ReceiptHandle"], None)

    def get_queue_attributes(self, *, AttributeNames: list[str], **_: Any) -> Any:  # noqa: N803
        self.fails("count")
        (name,) = AttributeNames
        return {"Attributes": {name: str({"ApproximateNumberOfMessages": len(self._visible())}[name])}}

    def show_all(self) -> None:
        """End the hold of every message, as after a while."""
        self._hidden_until.clear()

    def _visible(self) -> list[str]:
        return [name for name in self.bodies if self._hidden_until.get(name, START) <= self.moment]

    def _group(self, name: str) -> str:
        return self._attributes[name].get("MessageGroupId", "")

    def _message(self, name: str) -> dict[str, Any]:
        return {
            "MessageId": name,
            "ReceiptHandle": name,
            "Body": self.bodies[name],
            "Attributes": self._attributes[name],
        }
