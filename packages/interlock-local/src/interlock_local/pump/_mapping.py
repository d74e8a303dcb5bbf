"""The settings of a stream mapping: its stream, its function, its batches and its retries."""

from typing import Any

from msgspec import Struct


class StreamMapping(Struct, frozen=True, kw_only=True):
    """The mapping of one DynamoDB stream to one Lambda function, in the terms of AWS's event source mappings.

    Times are in seconds. ``maximum_retry_attempts`` counts the retries after the first attempt. None (-1 on AWS)
    retries without end. ``filters`` are AWS filter patterns: a record is delivered if one of them matches, or if the
    tuple is empty. ``starting_position`` is TRIM_HORIZON or LATEST, for a shard without a checkpoint.
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
        """Seconds to wait before the next attempt, after this number of failures."""
        return float(min(self.retry_delay_maximum, self.retry_delay * 2 ** min(max(failures, 1) - 1, 30)))
