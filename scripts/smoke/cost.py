"""What a run costs: estimated use of AWS, at its public prices of us-east-1 without free tiers."""

from collections.abc import Sequence

from benchmarks.serving.cost import GB_SECOND, REQUEST

API_REQUEST = 3.50 / 1_000_000  # https://aws.amazon.com/api-gateway/pricing/
S3_WRITE = 0.005 / 1_000  # https://aws.amazon.com/s3/pricing/
METRIC_HOUR = 0.30 / 730  # https://aws.amazon.com/cloudwatch/pricing/
ENDPOINT_HOUR = 0.01  # in each zone: https://aws.amazon.com/privatelink/pricing/

GB_SECONDS = 2 * 60 * 3008 / 1024 + 60 * 2048 / 1024 + 60 * 1024 / 1024
"""Two trainings, a dataset and all predictions, a minute of each."""

REQUESTS = 500
"""Most of them ask how a job stands, four times a second."""

WRITES = 500
"""Objects that are put or listed in S3."""

METRICS = 3 * 10
"""Of three functions, charged by the hour."""

ENDPOINT_HOURS = 2 * 2
"""Two interface endpoints in one zone. An hour more of both is $0.02."""


def dollars(roots: Sequence[str], regions: int) -> float:
    """About what the roots cost, each applied once in each region.

    KMS costs nothing, as the module uses AWS's own keys. What is stored costs less than a
    thousandth of a dollar.

    >>> f"{dollars(['quickstart'], 1):.2f}", f"{dollars(['quickstart', 'private'], 2):.2f}"
    ('0.03', '0.18')
    """
    root = (
        GB_SECONDS * GB_SECOND
        + REQUESTS * (REQUEST + API_REQUEST)
        + WRITES * S3_WRITE
        + METRICS * METRIC_HOUR
    )
    return regions * (len(roots) * root + roots.count("private") * ENDPOINT_HOURS * ENDPOINT_HOUR)
