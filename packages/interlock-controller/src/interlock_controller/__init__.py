"""The control loop: facts are gathered, the lifecycle decides, the store commits, committed rows are acted upon.

One module for each input of the loop, and one for its output:

`records` takes in stream records, `runs` does the steps of a run, `slas` answers the SLA timers, `watch` holds the
checks of a tick, and `effects` acts on committed rows. `runs` needs the extra `runs` (interlock-triggers).
"""

from interlock_store import Contended

__all__ = ["Contended"]
