"""The tools of releases and deployments: rules, files, changelogs, SBOMs, and the units that a change touches.

`docs/how-to/release-a-package.md` describes the commands.
"""
