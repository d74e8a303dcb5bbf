"""The control loop: it gathers facts, lets the lifecycle decide, commits to the store and acts on committed rows.

Each input of the loop has a module, and so has its output. `records` takes in stream records, `runs` does the steps
of a run, `slas` answers the SLA timers, and `watch` has the checks of a tick. `effects` acts on committed rows.
`runs` needs the extra `runs` (interlock-triggers).
"""

from interlock_store import Contended

__all__ = ["Contended"]
