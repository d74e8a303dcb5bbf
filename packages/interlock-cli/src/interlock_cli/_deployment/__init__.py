"""The deployment that a command uses.

`_deployment` has its name, its endpoint and its options. `_settings` reads interlock.toml, and `_target` has the
account and the role. `_reach` checks that the endpoint is there, and `_aws` has the clients, the tables and the errors
of AWS. `_unknown` has the error for an id that no pipeline has.
"""
