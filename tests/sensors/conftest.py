"""Examples take long on a busy machine, and a slow example is no error."""

from hypothesis import HealthCheck, settings

settings.register_profile("sensors", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("sensors")
