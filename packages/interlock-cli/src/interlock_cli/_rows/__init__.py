"""The commands that write rows: `sensor` for readings, `migrate` for the rows of an older deployment."""
