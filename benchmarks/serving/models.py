"""Six models, each fitted once and saved twice: as ONNX for us, with joblib for the baseline."""

import hashlib
import io
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from common.registry import LIVE, File, ModelManifest, moved, version_prefix
from common.registry_writer import RegistryWriter
from common.store import Store
from local.demo.loops.classification import telco_churn
from tasks.tables.serving import Table
from tasks.tables.training import tables
from tasks.text_classification.grams import RANGES
from tasks.text_classification.graph import export as export_text
from tasks.text_classification.naive_bayes import NaiveBayesSVC, plain
from tasks.text_classification.training import inputs_of

LABELS = ["no", "yes"]
TEXT = "text"
VERSION = "1"
VOCABULARY = 50_000
WORDS_PER_TEXT = 100


@dataclass(frozen=True)
class Model:
    """A fitted model in both forms, and instances to ask it about."""

    name: str
    slug: str
    task: str
    inputs: dict[str, Any]
    graph: bytes
    pickle: bytes
    instances: Sequence[dict[str, Any]]

    @property
    def pickle_key(self) -> str:
        return f"{self.slug}.joblib"

    def file(self, folder: Path) -> Path:
        """Where the floor finds the graph."""
        return folder / f"{self.slug}.onnx"

    def event(self, instances: int) -> dict[str, Any]:
        """The proxy event of a request for the first so many instances."""
        body = {"model": self.slug, "instances": self.instances[:instances]}
        return {
            "httpMethod": "POST",
            "resource": "/inference",
            "path": "/inference",
            "pathParameters": None,
            "headers": {"Content-Type": "application/json", "Host": "localhost"},
            "requestContext": {"identity": {"sourceIp": "127.0.0.1"}, "requestId": "r"},
            "body": json.dumps(body),
            "isBase64Encoded": False,
        }

    def publish(self, bucket: str, s3: Any) -> None:
        """Stores the model for both contenders."""
        store = Store(bucket, client=s3)
        store.put(self.pickle_key, self.pickle)
        store.put(version_prefix(self.slug, VERSION) + "model.onnx", self.graph)
        digest = hashlib.sha256(self.graph).hexdigest()
        manifest = ModelManifest(
            model=self.slug,
            version=VERSION,
            created_at="2026-01-01T00:00:00Z",
            task=self.task,
            target="label",
            metric="roc_auc",
            inputs=self.inputs,
            labels=LABELS,
            selected=self.slug,
            candidates=[],
            metrics={},
            baseline={},
            parity={},
            dataset={},
            lineage={},
            files={"model.onnx": File(digest, len(self.graph))},
        )
        registry = RegistryWriter(store)
        registry.publish(manifest)
        registry.point(self.slug, LIVE, moved(VERSION, "benchmark", "the only one"))


class Churn:
    """Telco churn: 7,043 customers, 8 numbers (some missing) and 11 categories each.

    One estimator serves both contenders: we make codes of categories before the graph, the
    baseline does so within its pipeline, and the estimator sees the same columns. Each
    category has two codes more than values, for missing and for any other one. Amounts are in
    cents, whole numbers, which are the same in float32 and float64.
    """

    def __init__(self) -> None:
        table = telco_churn()
        for row in table:
            for name in ("monthly_charges", "total_charges"):
                row[name] = row[name] and round(100 * row[name])
        self.labels = np.array([int(row.pop("churn") == "Yes") for row in table])
        features = [_feature(name, table) for name in table[0] if name != "rownames"]
        self.numbers = [feature for feature in features if feature["type"] == "number"]
        self.categories = [feature for feature in features if feature["type"] == "category"]
        self.features = [*self.numbers, *self.categories]
        self.names = [feature["name"] for feature in self.features]
        self.rows = [{name: row[name] for name in self.names} for row in table]

    def model(self, name: str, estimator: Any, *, trees: bool = False) -> Model:
        """The estimator fitted once, behind the service's columns and behind the baseline's."""
        wrapped = tables.imputed if trees else tables.one_hot
        codes, _ = Table({"features": self.features}).encode(self.rows)
        ours = tables.refit(wrapped(tables.Layout.of(self.features), estimator), codes, self.labels)
        raw = np.array([list(row.values()) for row in self.rows], dtype=object)
        columns = self._columns(trees).fit(raw)
        theirs = Pipeline([("columns", columns), ("model", ours.steps[-1][1])])
        np.testing.assert_allclose(theirs.predict_proba(raw), ours.predict_proba(codes), atol=1e-4)
        return Model(
            name=name,
            slug=_slug(name),
            task="classification",
            inputs={"features": self.features},
            graph=tables.export(ours, codes.shape[1], classifier=True),
            pickle=_pickled(theirs, features=self.names),
            instances=self.rows[:100],
        )

    def _columns(self, trees: bool) -> ColumnTransformer:
        values = [[*one["categories"], "(missing)", "(other)"] for one in self.categories]
        median = SimpleImputer(strategy="median")
        numbers = median if trees else make_pipeline(median, StandardScaler())
        codes = (
            OrdinalEncoder(categories=values, handle_unknown="use_encoded_value", unknown_value=-1)
            if trees
            else OneHotEncoder(categories=values, handle_unknown="ignore", sparse_output=False)
        )
        split = len(self.numbers)
        places = range(len(self.features))
        return ColumnTransformer(
            [
                ("numbers", numbers, list(places[:split])),
                ("categories", codes, list(places[split:])),
            ]
        )


def _feature(name: str, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """How the service encodes a column; numbers stay as they are, as the pipeline scales them."""
    values = [row[name] for row in rows]
    feature = {"name": name, "nullable": None in values}
    if isinstance(values[0], str):
        return {**feature, "type": "category", "categories": sorted(set(values))}
    return {**feature, "type": "number", "centre": 0.0, "scale": 1.0}


def text_model(name: str, analyzers: Sequence[str], linear: Any) -> Model:
    """Fitted to 5,000 texts of 100 words, drawn by Zipf's law from a vocabulary of 50,000."""
    random = np.random.default_rng(0)
    words = np.array([f"w{number:x}" for number in range(VOCABULARY)])
    ranks = (random.zipf(1.2, size=(5_000, WORDS_PER_TEXT)) - 1) % VOCABULARY
    labels = (np.median(ranks, axis=1) % 2).astype(int)
    texts = [" ".join(row) for row in words[ranks]]
    blocks = [
        TfidfVectorizer(
            analyzer=one, ngram_range=RANGES[one], sublinear_tf=True, max_features=VOCABULARY
        )
        for one in analyzers
    ]
    grams = FeatureUnion(list(zip(analyzers, blocks, strict=True)))
    learnt = Pipeline([("grams", grams), ("model", linear)]).fit(texts, labels)
    fitted = Pipeline([("grams", learnt["grams"]), ("model", plain(learnt["model"]))])
    return Model(
        name=name,
        slug=_slug(name),
        task="text_classification",
        inputs=inputs_of(fitted, TEXT),
        graph=export_text(fitted),
        pickle=_pickled(fitted, text=TEXT),
        instances=[{TEXT: text} for text in texts[:100]],
    )


MODELS: dict[str, Callable[[str], Model]] = {
    "logistic regression": lambda name: Churn().model(name, LogisticRegression(max_iter=2000)),
    "gradient boosting": lambda name: Churn().model(
        name, HistGradientBoostingClassifier(random_state=0), trees=True
    ),
    "random forest, 200 trees": lambda name: Churn().model(
        name, RandomForestClassifier(n_estimators=200, random_state=0), trees=True
    ),
    "multi-layer perceptron": lambda name: Churn().model(
        name, MLPClassifier((64, 32), early_stopping=True, random_state=0)
    ),
    "TF-IDF text": lambda name: text_model(name, ["word"], LogisticRegression()),
    "text, words and characters": lambda name: text_model(
        name,
        ["word", "char"],
        CalibratedClassifierCV(NaiveBayesSVC(), ensemble=False, cv=3),
    ),
}


def _pickled(pipeline: Any, *, features: Sequence[str] = (), text: str | None = None) -> bytes:
    file = io.BytesIO()
    document = {"pipeline": pipeline, "labels": LABELS, "features": features, "text": text}
    joblib.dump(document, file)
    return file.getvalue()


def _slug(name: str) -> str:
    return re.sub(r"\W+", "-", name).lower()
