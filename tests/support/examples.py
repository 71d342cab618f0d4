"""How many examples a property is tried with: few by default, and as many times more as the profile asks for."""

from hypothesis import HealthCheck, settings

PLAIN = 100
"""What hypothesis takes where nothing is said."""


def examples(few: int) -> settings:
    """`few` of them, or with `--hypothesis-profile=many` a hundred times as many."""
    return settings(
        max_examples=few * max(1, settings.default.max_examples // PLAIN),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )


# A busy machine is no failure: nothing here is judged by the time that an example takes.
settings.register_profile("plain", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("many", settings.get_profile("plain"), max_examples=100 * PLAIN)
