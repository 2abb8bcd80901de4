"""Detectors of unusual rows, each with what every value adds to a row's score.

All take the values of a space and know no labels. Greater scores are more unusual. Contributions
are never negative; those of a row are compared with each other only.
"""

from collections.abc import Mapping

from tasks.anomaly_detection.training.detectors.components import Components
from tasks.anomaly_detection.training.detectors.forest import Forest
from tasks.anomaly_detection.training.detectors.neighbours import Neighbours
from tasks.anomaly_detection.training.detectors.tails import Tails

DETECTORS: Mapping[str, type[Forest] | type[Tails] | type[Components] | type[Neighbours]] = {
    "knn": Neighbours,
    "isolation_forest": Forest,
    "pca": Components,
    "ecod": Tails,
}
"""By name of candidate, the best first: their order is that of mean ROC AUC on ten public sets."""
