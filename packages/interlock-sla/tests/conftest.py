"""Property tests have no time limit per example, for busy machines. Mutation runs use few examples, always the same."""

from hypothesis import HealthCheck, settings

settings.register_profile("laws", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(
    "mutation",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    max_examples=20,
    derandomize=True,
    database=None,
)
settings.load_profile("laws")
