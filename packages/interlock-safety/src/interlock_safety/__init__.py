"""Everything of Interlock in one install: the command line, the local stack and the demo.

`main` is the command `interlock`. It is also installed under the name of the distribution: `uvx interlock-safety demo`.
"""

from interlock_cli import main

__all__ = ["main"]
