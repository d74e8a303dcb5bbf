"""The output of all commands, and the form of their errors.

`_console` has lines, tables, JSON and CSV. `_form` has the options --json and -o, `_times` reads and shows times, and
`_called` writes commands as `interlock` was called. `_foreign` escapes the texts of others, and `_errors` has the
errors that end a command. `_near` has the near names of a misspelt one, and `_counted` the plurals. `_confirm` asks
before a change, and `_receipt` has the report of `validate` for programs.
"""
