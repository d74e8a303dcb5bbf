"""The completion of a shell.

`_completion` is the command that prints the script of a shell. `_pipeline_names` offers ids and environments.
`_listed_pipelines` keeps the ids of a deployment, and `_list_renewal` reads them again in a process of its own.
"""
