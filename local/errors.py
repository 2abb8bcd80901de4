"""What a person can mend: printed as one line, without a traceback."""


class LocalCloudError(Exception):
    """The local cloud cannot start or go on; the message says what would help."""
