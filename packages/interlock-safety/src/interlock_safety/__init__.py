"""Everything of Interlock in one install: the command line, the local stack and the demo.

`main` is the command `interlock`, also under the name of this distribution, so that `uvx interlock-safety demo` runs it.
"""

from interlock_cli import main

__all__ = ["main"]
