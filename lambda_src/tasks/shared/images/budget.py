"""How many pixels one request may have decoded; apart from pillow, which not every model needs."""

MAX_PIXELS_TOGETHER = 500_000_000
"""Of all images of a request: one of 50 million takes 0.7 s of a vCPU, and the API waits 29 s."""


class PixelBudget:
    """The pixels that are left for the images of a request."""

    def __init__(self, pixels: int = MAX_PIXELS_TOGETHER) -> None:
        self._pixels = self._left = pixels

    def take(self, pixels: int) -> str | None:
        """Why so many more cannot be decoded; None where they can, and are taken.

        >>> budget = PixelBudget(10)
        >>> budget.take(7)
        >>> budget.take(7)
        'has 7 pixels, and those before it leave 3 of the 10 that a request may have: ask in parts'
        """
        if pixels > self._left:
            return (
                f"has {pixels:,} pixels, and those before it leave {self._left:,} of the "
                f"{self._pixels:,} that a request may have: ask in parts"
            )
        self._left -= pixels
        return None
