"""The commands that write rows: `_sensor` for readings, `_migrate` for the rows of an older deployment.

`_sensor_rows` reads and shows the readings.
"""
