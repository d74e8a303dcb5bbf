"""The commands that compare a pipeline with history: `_try` for a changed file, `_onboard` for a dry run.

`_export` reads the history of an environment from a file, `_try_lines` shows a trial, and `_onboarding` compares a dry
run with the old job.
"""
