"""Interlock on one machine: the local stack, the deployment to an endpoint, the stream pump, the zips and the demo.

One package for each subject: `stack` runs everything, `site` deploys, `pump` reads streams, `zips` builds the Lambda
packages, `demo` plays and checks, and `commands` has the commands that `interlock` loads.
"""

from interlock_local._checkout import find_checkout, is_packed
from interlock_local._errors import LocalStackError

__all__ = ["LocalStackError", "find_checkout", "is_packed"]
