"""How many pixels are decoded of a request or an archive; apart from pillow, slow to load."""

MAX_PIXELS_TOGETHER = 500_000_000
"""Of all images of a request: one of 50 million takes 0.7 s of a vCPU, and the API waits 29 s."""

FREE_PIXELS = 5_000_000_000
"""Of an archive of any size: decoding them takes 17 s of a vCPU."""

MOST_PIXELS_PER_BYTE = 2000
"""Of an archive that has more. A photograph has 10, a scanned page in black and white 200, and one
circle in a picture of 9 megapixels up to 1,200. Pictures of one colour have up to 46,000."""

PIXELS_PER_READ = 100
"""Of a file, which take as long."""


def pixels_of_archive(size: int) -> int:
    """How many pixels the images of an archive of so many bytes may have together.

    >>> pixels_of_archive(1_000_000), pixels_of_archive(1_000_000_000)
    (5000000000, 2000000000000)
    """
    return max(FREE_PIXELS, MOST_PIXELS_PER_BYTE * size)


class PixelBudget:
    """The pixels that are left for the images of a request, or of an archive."""

    def __init__(self, pixels: int = MAX_PIXELS_TOGETHER) -> None:
        self._pixels = self._left = pixels
        self.is_exceeded = False
        """Whether an image was met for which too few were left."""

    def take(self, pixels: int, passes: int = 1) -> str | None:
        """Why so many more cannot be decoded; None where they can, and are taken.

        passes is how often the time that is usual for so many pixels is needed.

        >>> budget = PixelBudget(10)
        >>> budget.take(7)
        >>> budget.take(7)
        'has 7 pixels, and those before it leave 3 of the 10 that a request may have: ask in parts'
        """
        over = f" to read {passes} times" if passes > 1 else ""
        return self._take(pixels * passes, f"has {pixels:,} pixels{over}")

    def take_reads(self, reads: int) -> str | None:
        """As take, for so many reads of an image file of very many parts."""
        pixels = reads * PIXELS_PER_READ
        return self._take(pixels, f"has so many parts that they count as {pixels:,} more pixels")

    def _take(self, pixels: int, what: str) -> str | None:
        if pixels > self._left:
            self.is_exceeded = True
            return (
                f"{what}, and those before it leave {self._left:,} of the "
                f"{self._pixels:,} that a request may have: ask in parts"
            )
        self._left -= pixels
        return None
