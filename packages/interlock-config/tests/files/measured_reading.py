"""Reads texts, each in its own forked process, and reports the cost: run by test_limits.py, over pipes.

A request is 4 bytes of length and the text. The response is a line of JSON: CPU seconds, the process's peak memory in
MB (including the interpreter and the memory of libyaml), the number of problems, and a traceback or null.
"""

import json
import os
import resource
import sys
import time
import traceback

from interlock_config import ConfigError, decode_yaml, review


def main() -> None:
    """Answer until the input ends."""
    decode_yaml('{pipeline: {id: a}, schedule: {cron: "0 6-8/2 * * *", timezone: Europe/Berlin}, job: {type: command, '
                "config: {command: a}}, validation: {rules: [{key: a, check: age_lt, value: 1h}]}}")  # fmt: skip
    while head := sys.stdin.buffer.read(4):
        text = sys.stdin.buffer.read(int.from_bytes(head, "big"))
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            print(json.dumps(cost_of(text)), flush=True)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status != 0:
            print(json.dumps({"seconds": 0, "megabytes": 0, "problems": 0, "traceback": f"ended with {status}"}))
            sys.stdout.flush()


def cost_of(text: bytes) -> dict[str, object]:
    """The cost of reading the text as YAML and as JSON: the higher one counts."""
    problems, failure = 0, None
    seconds = 0.0
    for source in ("file.yaml", "file.json"):
        began = time.process_time()
        try:
            problems += len([str(problem) for problem in review({source: text}).problems])
        except ConfigError:
            failure = "review raised"
        except BaseException:  # noqa: BLE001 - every exception is reported
            failure = traceback.format_exc()
        seconds = max(seconds, time.process_time() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)
    return {"seconds": seconds, "megabytes": peak, "problems": problems, "traceback": failure}


if __name__ == "__main__":
    main()
