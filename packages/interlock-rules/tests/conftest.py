"""Property tests have no time limit per example, for busy machines. Mutation runs use few examples, always the same."""

from hypothesis import settings

settings.register_profile("laws", deadline=None)
settings.register_profile("mutation", deadline=None, max_examples=20, derandomize=True, database=None)
settings.load_profile("laws")
