"""The completion of a shell, and the command that prints its script.

`_pipeline_names` offers ids and environments. `_listed_pipelines` keeps the ids of a deployment, and `_list_renewal`
reads them again in a process of its own.
"""
