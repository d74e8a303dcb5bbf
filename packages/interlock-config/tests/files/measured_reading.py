"""Reads texts, each in a forked process of its own, and says what that cost: run by test_limits.py, over pipes.

Asked with 4 bytes of length and the text; answers a line of JSON: CPU seconds, the process's peak memory in MB (all of
it: the interpreter, and what libyaml takes without asking Python), the number of problems, and a traceback or null.
"""

import json
import os
import resource
import sys
import time
import traceback

from interlock_config import ConfigError, decode_yaml, review


def main() -> None:
    """Answer until the asker hangs up."""
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
    """What reading the text as YAML and as JSON costs, the dearer one."""
    problems, failure = 0, None
    seconds = 0.0
    for source in ("file.yaml", "file.json"):
        began = time.process_time()
        try:
            problems += len([str(problem) for problem in review({source: text}).problems])
        except ConfigError:
            failure = "review raised"
        except BaseException:  # noqa: BLE001 - whatever it is, it is reported
            failure = traceback.format_exc()
        seconds = max(seconds, time.process_time() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)
    return {"seconds": seconds, "megabytes": peak, "problems": problems, "traceback": failure}


if __name__ == "__main__":
    main()
