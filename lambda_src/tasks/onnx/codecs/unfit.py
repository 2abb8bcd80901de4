"""Why a codec cannot do its work."""


class Unfit(ValueError):
    """A value that an input cannot take, or an output that has no such answer; says what would."""
