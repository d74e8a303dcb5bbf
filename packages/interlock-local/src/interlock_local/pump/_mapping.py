"""What a stream mapping is: which stream feeds which function, in what batches, and what failure costs."""

from typing import Any

from msgspec import Struct


class StreamMapping(Struct, frozen=True, kw_only=True):
    """One DynamoDB stream feeding one Lambda function, in the terms of AWS's event source mappings.

    Times are in seconds. ``maximum_retry_attempts`` counts the retries after the first attempt; None (AWS's -1)
    retries until it works. ``filters`` are AWS filter patterns: a record is wanted when one of them matches,
    or when there are none. ``starting_position`` is TRIM_HORIZON or LATEST, used where no checkpoint is known.
    """

    name: str
    stream_arn: str
    function_name: str
    function_arn: str = ""
    batch_size: int = 10
    starting_position: str = "TRIM_HORIZON"
    filters: tuple[dict[str, Any], ...] = ()
    report_batch_item_failures: bool = True
    bisect_batch_on_function_error: bool = True
    maximum_retry_attempts: int | None = 10
    on_failure_queue_url: str | None = None
    retry_delay: float = 0.1
    retry_delay_maximum: float = 10.0

    def delay_after(self, failures: int) -> float:
        """How long to wait before the next attempt, after so many failed ones."""
        return float(min(self.retry_delay_maximum, self.retry_delay * 2 ** min(max(failures, 1) - 1, 30)))
