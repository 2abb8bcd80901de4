"""Unusual rows: scores, p-values that keep their promise, and the columns behind them."""

import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

import tasks
from common.problems import Unprocessable
from tasks import Incomparable, Trained, TrainingData
from tasks.anomaly_detection.labels import anomaly_of
from tasks.anomaly_detection.options import Candidate, Training
from tasks.anomaly_detection.training import curves, graph, model, score, served, train
from tasks.anomaly_detection.training.detectors import DETECTORS
from tasks.anomaly_detection.training.detectors.forest import Forest
from tasks.framework import onnx
from tests.unit.tasks.samples import manifest, processed, trained
from tests.unit.tasks.samples.anomaly_detection import rows as pumps
from tests.unit.tasks.splits import Row, run, training_data
from tests.unit.tasks.tables import csv_bytes, process

TASK = "anomaly_detection"
CANDIDATES = Candidate.__args__  # type: ignore[attr-defined]  # mypy takes a Literal for a type
SEEDS = st.integers(0, 2**32 - 1)


def numbers(count: int, columns: int, seed: int) -> list[Row]:
    """Rows of independent normal values."""
    made = np.random.default_rng(seed).normal(size=(count, columns))
    return [{f"x{at}": float(value) for at, value in enumerate(row)} for row in made]


def dataset(folder: Path, rows: Sequence[Row], types: dict[str, str] | None = None) -> TrainingData:
    """Rows in splits of 70%, 15% and 15%; columns are numbers unless types say otherwise."""
    first, second = int(0.7 * len(rows)), int(0.85 * len(rows))
    parts = [rows[:first], rows[first:second], rows[second:]]
    return training_data(folder, types or dict.fromkeys(rows[0], "number"), None, parts)


def labelled(data: TrainingData, name: str) -> TrainingData:
    columns = [
        msgspec.structs.replace(one, role="label") if one.name == name else one
        for one in data.schema.columns
    ]
    return msgspec.structs.replace(
        data, schema=msgspec.structs.replace(data.schema, columns=columns)
    )


def fitted(data: TrainingData, **options: Any) -> Trained:
    return train(data, msgspec.convert(options, Training), run())


def ask(made: Trained, *rows: Row) -> list[dict[str, Any]]:
    return served(made.inputs, made.files["model.onnx"], rows)


@pytest.mark.parametrize("candidate", CANDIDATES)
def test_known_anomalies_are_found_by_every_candidate(tmp_path: Path, candidate: str) -> None:
    made = fitted(dataset(tmp_path, numbers(400, 4, 0)), candidates=[candidate])
    usual, odd = numbers(100, 4, 1), [{**row, "x2": 9.0} for row in numbers(100, 4, 2)]
    answers = ask(made, *usual, *odd)
    scores = [answer["score"] for answer in answers]
    assert made.selected == candidate
    assert roc_auc_score([0] * 100 + [1] * 100, scores) > 0.95
    assert sum(answer["is_anomaly"] for answer in answers[:100]) < 10
    blamed = [answer["columns"][0]["column"] for answer in answers[100:]]
    assert blamed.count("x2") > 80
    assert made.parity["max_difference"] <= made.parity["tolerance"]


def test_a_broken_rule_between_usual_values_is_found(tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    rows = [{"a": a, "b": 2 * a + 0.1 * e, "c": c} for a, e, c in chance.normal(size=(600, 3))]
    made = fitted(dataset(tmp_path, rows), candidates=["pca"])
    ((kept, broken)) = ask(made, {"a": 1.0, "b": 2.0, "c": 0.0}, {"a": 1.0, "b": -2.0, "c": 0.0})
    assert broken["score"] > kept["score"]
    assert broken["p_value"] <= 0.01 < kept["p_value"]
    assert {one["column"] for one in broken["columns"][:2]} == {"a", "b"}


@settings(max_examples=4)
@given(seed=SEEDS, kind=st.sampled_from(["normal", "heavy", "counts"]))
def test_the_promised_rate_of_false_alarms_holds(seed: int, kind: str) -> None:
    """With 2,000 rows, four standard deviations of a 5% quantile are two points."""
    chance = np.random.default_rng(seed)

    def rows(count: int) -> np.ndarray:
        values: np.ndarray
        match kind:
            case "normal":
                values = chance.normal(size=(count, 3))
            case "heavy":
                values = chance.standard_t(2, size=(count, 3))
            case _:
                values = chance.poisson(1.0, size=(count, 3))
        return values.astype(np.float32)

    features = [{"name": name, "type": "number", "nullable": False} for name in "abc"]
    x, folds = rows(2000), np.arange(2000) % 4
    held_out = [model.fit(features, x[folds != k], ["knn", "ecod"], 0).scores(x[folds == k])
                for k in range(4)]  # fmt: skip
    scores = {name: np.concatenate([one[name] for one in held_out]) for name in ("knn", "ecod")}
    made = model.calibrated(
        model.RANK_AVERAGE, model.fit(features, x, ["knn", "ecod"], 0), scores, 3
    )
    alarms = made.p_values(made.scores(rows(4000))) <= 0.05
    assert alarms.mean() < 0.075
    if kind != "counts":  # of which many have the same score
        assert alarms.mean() > 0.025


@given(st.lists(st.integers(-20, 20), min_size=2), st.lists(st.integers(-30, 30), min_size=1))
def test_p_values_are_those_of_counting(held_out: list[int], asked: list[int]) -> None:
    """At scores that were met they are exact, ties included; between them, not less."""
    p_values = np.exp(-curves.surprise(np.array(held_out, float))(np.array(asked, float)))
    for at, found in zip(asked, p_values, strict=True):
        counted = (1 + sum(one >= at for one in held_out)) / (1 + len(held_out))
        if at in held_out or at < min(held_out):
            assert found == pytest.approx(counted)
        assert found >= counted - 1e-9


def test_many_p_values_are_close_to_those_of_counting() -> None:
    held_out = np.random.default_rng(0).normal(size=9000)
    at = np.sort(held_out)[[-4500, -900, -90, -9]]
    p_values = np.exp(-curves.surprise(held_out)(at))
    counted = [(1 + (held_out >= one).sum()) / 9001 for one in at]
    assert p_values == pytest.approx(counted, rel=0.02)


def test_the_forest_is_that_of_scikit_learn() -> None:
    x = np.random.default_rng(0).normal(size=(300, 5)).astype(np.float32)
    features = [{"name": str(at), "type": "number", "nullable": False} for at in range(5)]
    made = model.fit(features, x, ["isolation_forest"], 3)
    values = made.space.values(x)
    theirs = IsolationForest(n_estimators=100, random_state=3).fit(values)
    forest = made.fitted["isolation_forest"]
    assert isinstance(forest, Forest)
    assert forest.scores(values) == pytest.approx(-theirs.score_samples(values), abs=1e-4)
    # The steps to a leaf lead from the expected depth to its own.
    steps = np.asarray(forest.parts.sum(axis=1)).ravel()
    for start, end in itertools.pairwise(forest.starts):
        leaves = np.flatnonzero(forest.depths[start:end]) + start
        assert np.ptp(steps[leaves] + forest.depths[leaves]) < 1e-2


def matrix(seed: int, rows: int, nulls: float) -> np.ndarray:
    """Numbers, a category with codes for missing and other values, and a boolean."""
    chance = np.random.default_rng(seed)
    made = np.column_stack(
        [
            chance.normal(size=(rows, 2)) * [1, 1e-3],
            chance.integers(0, 5, size=(rows, 1)),
            chance.integers(0, 2, size=(rows, 1)),
        ]
    ).astype(np.float32)
    made[chance.random(rows) < nulls, 0] = np.nan
    return made


@pytest.mark.parametrize("name", [*DETECTORS, model.RANK_AVERAGE])
@settings(max_examples=3)
@given(seed=SEEDS, nulls=st.sampled_from([0.0, 0.2, 1.0]), rows=st.sampled_from([30, 100]))
def test_the_graph_answers_as_what_was_fitted(
    name: str, seed: int, nulls: float, rows: int
) -> None:
    features: list[dict[str, Any]] = [
        {"name": "a", "type": "number", "nullable": True},
        {"name": "b", "type": "number", "nullable": False},
        {"name": "c", "type": "category", "categories": ["r", "g", "b"], "nullable": True},
        {"name": "d", "type": "boolean", "nullable": False},
    ]
    x = matrix(seed, rows, nulls)
    detectors = model.fit(features, x, list(DETECTORS), seed)
    made = model.calibrated(name, detectors, detectors.scores(matrix(seed + 1, rows, nulls)), 4)
    asked = np.vstack([x, matrix(seed + 2, 50, 0.5), [[1e9, -1e9, 4, 1], [np.nan, 0, 3, 0]]])
    asked = asked.astype(np.float32)
    session = onnx.session(graph.export(made, 4))
    scores, p_values, shares = session.run(["score", "p_value", "shares"], {"X": asked})
    expected = made.scores(asked)
    assert scores == pytest.approx(expected, abs=1e-4 * (expected.std() or 1.0))
    assert p_values == pytest.approx(made.p_values(expected), abs=1e-4)
    assert shares == pytest.approx(made.shares(asked), abs=1e-4)
    assert np.isfinite(scores).all()
    assert ((p_values > 0) & (p_values <= 1)).all()
    assert ((shares >= 0) & (shares <= 1)).all()


def test_without_labels_the_average_of_ranks_is_used(tmp_path: Path) -> None:
    made = fitted(dataset(tmp_path, numbers(200, 3, 0)))
    assert made.selected == "rank_average"
    assert [one["score"] for one in made.candidates] == [None] * 5
    assert [one["status"] for one in made.candidates] == ["ok"] * 5
    assert made.metrics == made.baseline["metrics"] == {}
    alarms = made.details["alarms"]["test"]
    assert alarms["rows"] == 30
    assert alarms["low"] <= alarms["value"] <= alarms["high"]
    chosen = fitted(dataset(tmp_path, numbers(200, 3, 0)), candidates=["ecod", "pca"])
    assert chosen.selected == "pca"
    assert [one["name"] for one in chosen.candidates] == ["pca", "ecod"]


def test_labels_choose_and_measure_but_teach_nothing(tmp_path: Path) -> None:
    rows = pumps(600, 3, every=9)
    types = {"flow": "number", "pressure": "number", "pump": "category", "at": "datetime"}
    types |= {"manual": "boolean", "broken": "category"}
    texts = [
        {**row, "broken": None if row["broken"] is None else str(row["broken"])} for row in rows
    ]
    data = labelled(dataset(tmp_path, texts, types), "broken")
    made = fitted(data, metric="average_precision")
    scores = {one["name"]: one["score"] for one in made.candidates}
    assert scores[made.selected] == max(scores.values())
    assert set(made.metrics) == {"roc_auc", "average_precision"}
    assert (
        made.metrics["average_precision"]["value"]
        > 2 * made.baseline["metrics"]["average_precision"]
    )
    assert made.details["label"] == {"column": "broken", "anomaly": "1"}
    assert made.details["alarms"]["usual"]["rows"] > made.details["alarms"]["anomalies"]["rows"] > 0
    assert "broken" not in {feature["name"] for feature in made.inputs["features"]}
    without = {name: kind for name, kind in types.items() if name != "broken"}
    plain = [{name: row[name] for name in without} for row in rows]
    again = fitted(dataset(tmp_path, plain, without), candidates=[made.selected])
    asked = [{**row, "at": f"{row['at']}Z"} for row in plain[:20]]
    one, other = (ask(which, *asked) for which in (made, again))
    # Folds are others with labels, and so are p-values; the detectors are not.
    assert [a["columns"] for a in one] == [b["columns"] for b in other] or made.selected == "knn"


def test_versions_are_compared_by_labels_only(tmp_path: Path) -> None:
    made, data = trained(TASK), processed(TASK).data
    about = manifest(TASK, made)
    assert score(about, made.files, data, "average_precision") > 0.3
    columns = [one for one in data.schema.columns if one.role != "label"]
    unlabelled = msgspec.structs.replace(
        data, schema=msgspec.structs.replace(data.schema, columns=columns)
    )
    with pytest.raises(Incomparable, match=r"no labels.*process data with.*anomaly_label"):
        score(about, made.files, unlabelled, "roc_auc")


def test_few_rows_are_refused_and_a_rate_beyond_them_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(Unprocessable, match="have 25 rows: anomaly detection takes 30 at least"):
        fitted(dataset(tmp_path, numbers(30, 2, 0)))
    made = fitted(dataset(tmp_path, numbers(60, 2, 0)))
    (warning,) = made.warnings
    assert (warning.code, warning.option) == ("few_calibration_rows", "false_alarm_rate")
    assert "51 rows were held out, so that no p-value is below 0.019" in warning.detail
    assert not ask(made, {"x0": 1e6, "x1": 1e6})[0]["is_anomaly"]
    bold = fitted(dataset(tmp_path, numbers(60, 2, 0)), false_alarm_rate=0.05)
    assert not bold.warnings
    assert ask(bold, {"x0": 1e6, "x1": 1e6})[0]["is_anomaly"]


@pytest.mark.parametrize(
    ("rows", "types"),
    [
        ([{"a": 1.0, "b": float(at % 2)} for at in range(80)], {"a": "number", "b": "number"}),
        ([{"a": None, "b": float(at)} for at in range(80)], {"a": "number", "b": "number"}),
        ([{"a": "pqrs"[at % 4], "b": "xy"[at % 2]} for at in range(80)],
         {"a": "category", "b": "category"}),
        ([{"a": None, "b": None} for _ in range(80)], {"a": "category", "b": "datetime"}),
        ([{"a": None, "b": at % 3 == 0} for at in range(80)], {"a": "boolean", "b": "boolean"}),
        ([{"a": 1e300, "b": -1e300 * (at % 7)} for at in range(80)], dict.fromkeys("ab", "number")),
        (numbers(80, 300, 0), None),
    ],
    ids=["constant", "no values", "categories", "nothing", "booleans", "huge", "wide"],
)  # fmt: skip
def test_odd_tables_have_finite_answers(
    tmp_path: Path, rows: list[Row], types: dict[str, str] | None
) -> None:
    made = fitted(dataset(tmp_path, rows, types))
    assert [one["status"] for one in made.candidates] == ["ok"] * 5
    answers = ask(made, *[{k: v for k, v in row.items() if v is not None} for row in rows[:5]])
    for answer in answers:
        assert math.isfinite(answer["score"])
        assert 0 < answer["p_value"] <= 1
        assert len(answer["columns"]) <= 5
        assert sum(one["contribution"] for one in answer["columns"]) <= 1 + 1e-9


def test_rare_and_unseen_categories_are_unusual(tmp_path: Path) -> None:
    rows = [{"a": "pq"[at % 2], "b": "xyz"[at % 3]} for at in range(300)]
    made = fitted(dataset(tmp_path, rows, {"a": "category", "b": "category"}))
    usual, unseen = ask(made, {"a": "p", "b": "x"}, {"a": "p", "b": "never"})
    assert unseen["score"] > usual["score"]
    assert unseen["columns"][0]["column"] == "b"
    assert usual["p_value"] > 0.2


def test_a_candidate_alone_is_calibrated_by_all_folds(tmp_path: Path) -> None:
    options = msgspec.convert({"candidates": ["ecod"]}, Training)
    data = dataset(tmp_path, numbers(200, 3, 0))
    made = train(data, options, run())
    assert made.details["calibration_rows"] == data.rows["train"] + data.rows["validation"]


def test_a_short_time_still_makes_a_model(tmp_path: Path) -> None:
    ticks = itertools.count()
    options = msgspec.convert({}, Training)
    made = train(dataset(tmp_path, numbers(200, 3, 0)), options, run(1, lambda: next(ticks)))
    statuses = {one["name"]: one["status"] for one in made.candidates}
    assert statuses[made.selected] == "ok"
    assert "skipped" in statuses.values()


# Processing


def table(count: int = 200, label: Sequence[Any] | None = None) -> bytes:
    chance = np.random.default_rng(0)
    rows = [[at, *chance.normal(size=2).round(3), "rg"[at % 2]] for at in range(count)]
    if label is None:
        return csv_bytes(["id", "a", "b", "c"], rows)
    return csv_bytes(
        ["id", "a", "b", "c", "odd"],
        [[*row, value] for row, value in zip(rows, label, strict=True)],
    )


def test_a_table_without_a_target_is_a_dataset() -> None:
    made = process(table(), TASK, None, csv={"header": True})
    assert made.about.target is None
    assert made.about.split_targets == {}
    assert {one.name: one.role for one in made.about.schema.columns} == {
        "id": "ignored", "a": "feature", "b": "feature", "c": "feature",
    }  # fmt: skip
    assert made.about.rows["used"] == 200
    assert not [one for one in made.about.warnings if "target" in f"{one.detail} {one.option}"]


def test_a_label_is_no_feature_and_may_be_missing() -> None:
    made = process(
        table(label=["", "NA", *([0] * 178), *([1] * 20)]), TASK, None, anomaly_label="odd"
    )
    label = made.column("odd")
    assert (label.role, label.type, label.nullable) == ("label", "category", True)
    assert label.categories == ["0", "1"]
    assert made.about.rows["rejected"] == 0
    assert made.about.target is None
    assert all(set(counts) == {"0", "1"} for counts in made.about.split_targets.values())
    assert sum(sum(counts.values()) for counts in made.about.split_targets.values()) == 198
    assert all(set(row) == {"a", "b", "c", "odd"} for rows in made.rows.values() for row in rows)


@pytest.mark.parametrize("labels", [[0] * 200, [0, 1, 2, 3] * 50, [""] * 200])
def test_labels_have_two_values(labels: list[Any]) -> None:
    with pytest.raises(Unprocessable) as caught:
        process(table(label=labels), TASK, None, anomaly_label="odd")
    assert [error.pointer for error in caught.value.errors] == ["/anomaly_label"]


def test_a_column_that_reveals_the_label_is_told_of_as_such() -> None:
    rows = [[at % 10 == 0, f"v{at % 7}", "yes" if at % 10 == 0 else "no"] for at in range(200)]
    made = process(csv_bytes(["alarm", "x", "odd"], rows), TASK, None, anomaly_label="odd")
    (warning,) = [one for one in made.about.warnings if one.code.endswith("_label")]
    assert warning.code == "determines_label"
    assert "determine the label 'odd': 'alarm'" in warning.detail
    assert "target" not in warning.detail


def test_a_guess_which_label_is_of_anomalies_is_told_of() -> None:
    made = process(table(label=["fine"] * 180 + ["broken"] * 20), TASK, None, anomaly_label="odd")
    (warning,) = [one for one in made.about.warnings if one.code == "rarer_label"]
    assert "'broken', in 20 rows" in warning.detail
    clear = process(table(label=["no"] * 180 + ["yes"] * 20), TASK, None, anomaly_label="odd")
    assert "rarer_label" not in clear.codes


def test_the_label_is_named_in_errors() -> None:
    for options in ({"exclude": ["a"]}, {"split": {"column": "a"}}):
        with pytest.raises(Unprocessable, match="'a' is the label and cannot be used here"):
            process(table(), TASK, None, anomaly_label="a", **options)
    with pytest.raises(Unprocessable, match="there is no column 'odds'") as caught:
        process(table(), TASK, None, anomaly_label="odds")
    assert [error.pointer for error in caught.value.errors] == ["/anomaly_label"]


@pytest.mark.parametrize(
    ("labels", "anomaly"),
    [
        (["0", "1"], "1"), (["1", "0"], "1"), (["TRUE", "FALSE"], "TRUE"),
        (["1", "-1"], "-1"), (["ok", "fault"], "fault"),
    ],
)  # fmt: skip
def test_the_label_of_anomalies(labels: list[str], anomaly: str) -> None:
    assert anomaly_of(labels) == anomaly


@pytest.mark.parametrize("by", ["time", "group"])
def test_rows_are_held_out_by_the_rule_of_the_split(by: str) -> None:
    rows = [[f"2024-01-{1 + at % 28:02}", f"g{at % 20}", at % 13, at % 7 / 3] for at in range(400)]
    column = {"time": "day", "group": "group"}[by]
    made = process(
        csv_bytes(["day", "group", "a", "b"], rows), TASK, None, split={"by": by, "column": column}
    )
    assert made.about.split is not None
    assert made.about.split.by == by
    assert tasks.task(TASK).is_supervised is False


def test_a_header_needs_no_label() -> None:
    rows = [[at, round(at * 0.7, 1), "ab"[at % 2]] for at in range(60)]
    made = process(csv_bytes(["flow", "pressure", "pump"], rows), TASK, None)
    assert [column.name for column in made.about.schema.columns] == ["flow", "pressure", "pump"]
    assert made.about.rows["read"] == 60
