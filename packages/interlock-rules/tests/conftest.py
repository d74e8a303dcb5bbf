"""Property tests have no time limit per example: a busy machine is no failure."""

from hypothesis import settings

settings.register_profile("laws", deadline=None)
settings.load_profile("laws")
