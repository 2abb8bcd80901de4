"""Each function can do its work with its role, nothing else, and needs all that it was granted."""

import io
import itertools
import json
import random
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from PIL import Image

from local.client import ApiError, Client
from local.cloud import LocalCloud
from local.iam.evaluation import Demand
from local.iam.policy import Statement, parse
from scripts.functions import FUNCTIONS
from tests.system.sizes import PROCESSING, Sizes

NOBODY = "0" * 32


@pytest.fixture(scope="module")
def used(
    cloud: LocalCloud, sizes: Sizes, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[Demand]]:
    """What each function was allowed while every route of the API was called, by function."""
    call_everything(cloud.client(), sizes)
    delete_everything(cloud.client())
    s3, bucket = cloud.boto3("s3"), cloud.outputs["data_bucket"]
    for found in s3.list_objects_v2(Bucket=bucket, Prefix="backbones/").get("Contents", ()):
        s3.delete_object(Bucket=bucket, Key=found["Key"])  # not every deployment has them
    call_with_images(cloud.client(), tmp_path_factory.mktemp("shades"))
    names = {name: function for function, name in cloud.function_names.items()}
    asked: dict[str, list[Demand]] = {function: [] for function in FUNCTIONS}
    for entry in cloud.permissions():
        function = names.get(entry["principal"].rpartition("/")[2])
        if function and entry["allowed"]:
            context = {key: tuple(values) for key, values in entry["context"].items()}
            asked[function].append(Demand(entry["action"], entry["resource"], context))
    return asked


def call_everything(api: Client, sizes: Sizes) -> None:
    for key in (sizes.key, "raw/sizes/none.zip"):  # neither is a model that can be imported
        with pytest.raises(ApiError, match=r"404|422"):
            api.run("/model_training", {"model": "brought-sizes", "import": {"key": key}})
    for path in ("", "/sizes", f"/sizes/versions/{sizes.dataset_version}"):
        api.get(f"/datasets{path}")
    for path in ("", "/sizes", f"/sizes/versions/{sizes.model_version}"):
        api.get(f"/models{path}")
    api.put("/models/sizes/aliases/other", {"version": sizes.model_version})
    answer = api.post("/inference", {"model": "sizes", "instances": [{"size": 1, "shape": "a"}]})
    assert answer["predictions"]  # of whichever version other tests have made live
    for path in (
        "/datasets/none",
        "/models/none",
        f"/data_processing/{NOBODY}",
        f"/model_training/{NOBODY}",
    ):
        with pytest.raises(ApiError, match=r"^404"):
            api.get(path)
    with pytest.raises(ApiError, match=r"^404"):
        api.post("/model_training", {"model": "sizes", "dataset": "none"})
    with pytest.raises(ApiError, match=r"404|422"):
        api.run("/data_processing", {**PROCESSING, "source": {"key": "raw/sizes/none.csv"}})


def delete_everything(api: Client) -> None:
    """Datasets and models of their own, a version first and the rest after that."""
    rows = [{"size": n / 7, "shape": "ab"[n % 2], "y": n % 30 // 20} for n in range(4_000)]
    source = {"rows": rows}  # a forest of so many takes time enough to be stored as evaluated
    request = {"dataset": "passing", "source": source, "task": "classification", "target": "y"}
    version = api.run("/data_processing", request)["version"]
    training = {"model": "passing", "dataset": "passing", "candidates": ["random_forest"]}
    model = api.run("/model_training", {**training, "promote": "always"})
    api.run("/model_training", {**training, "promote": "never"})
    assert model["promoted"]
    with pytest.raises(ApiError, match=r"^409"):
        api.delete(f"/models/passing/versions/{model['version']}")
    api.delete(f"/models/passing/versions/{model['version']}?force=true")
    api.delete(f"/datasets/passing/versions/{version}")
    for path in (f"/models/passing/versions/{model['version']}", "/datasets/passing"):
        with pytest.raises(ApiError, match=r"^404.*deleted|^404.*no dataset"):
            api.get(path)
    api.delete("/models/passing")
    api.delete("/datasets/passing")
    api.delete("/data_processing/uploads?dataset=passing")
    with pytest.raises(ApiError, match=r"^404"):
        api.delete("/data_processing/uploads?key=raw/sizes/none.csv")


def call_with_images(api: Client, folder: Path) -> None:
    """Learn dark from bright, and ask about an image by its key."""
    file, single = folder / "shades.zip", folder / "single.png"
    grain = random.Random(0)
    with zipfile.ZipFile(file, "w") as archive:
        for n in range(160):
            pixels = bytes(grain.randrange(128) + 127 * (n % 2) for _ in range(16 * 16))
            image = io.BytesIO()
            Image.frombytes("L", (16, 16), pixels).save(image, "PNG")
            archive.writestr(f"{('dark', 'bright')[n % 2]}/{n}.png", image.getvalue())
    single.write_bytes(image.getvalue())
    key = api.upload("shades", file)
    api.run(
        "/data_processing",
        {"dataset": "shades", "source": {"key": key}, "task": "image_classification"},
    )
    training = {"model": "shades", "dataset": "shades", "candidates": ["kmeans_network"]}
    api.run("/model_training", {**training, "time_budget_seconds": 10})
    asked = {"model": "shades", "instances": [{"key": api.upload("shades", single)}]}
    assert api.post("/inference", asked)["predictions"]
    asked["instances"] = [{"key": "raw/shades/none.png"}]
    with pytest.raises(ApiError, match=r"404|422"):
        api.post("/inference", asked)
    faces = {"dataset": "faces", "source": {"key": key}, "task": "face_recognition"}
    api.run("/data_processing", faces)  # whose photos are not kept


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_permission_is_needed(
    cloud: LocalCloud, used: dict[str, list[Demand]], function: str
) -> None:
    allowed = [one for one in statements(cloud, function) if one.allows]
    granted = [atom for one in allowed for atom in atoms(one)]

    idle = [
        f"{atom.name}: {atom.actions.values} on {atom.resources.values} {atom.conditions}"
        for atom in granted
        if not any(atom.applies(one.action, one.resource, one.context) for one in used[function])
    ]

    assert len(granted) > 3
    assert idle == []


def statements(cloud: LocalCloud, function: str) -> list[Statement]:
    """Of all policies of a function's role."""
    iam = cloud.boto3("iam")
    role = role_arn(cloud, function).rpartition("/")[2]
    assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []
    documents = [
        iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
    ]
    return [one for document in documents for one in parse(json.dumps(document))]


def role_arn(cloud: LocalCloud, function: str) -> str:
    name = cloud.function_names[function]
    return str(cloud.boto3("lambda").get_function_configuration(FunctionName=name)["Role"])


def atoms(statement: Statement) -> Iterator[Statement]:
    """The statement as many, each with one action, one resource and one value per condition."""
    conditions = itertools.product(
        *([replace(one, values=(value,)) for value in one.values] for one in statement.conditions)
    )
    for action, resource, chosen in itertools.product(
        statement.actions.values, statement.resources.values, conditions
    ):
        yield replace(
            statement,
            actions=replace(statement.actions, values=(action,)),
            resources=replace(statement.resources, values=(resource,)),
            conditions=chosen,
        )


MODEL = {"Key": "models/m/versions/1/model.onnx"}
ALIAS = {"Key": "models/m/aliases/live.json"}
PICKLES = [
    {"Key": "models/m/versions/1/model.joblib"},
    {"Key": "models/m/versions/1/0123456789abcdef/model.joblib"},
]
RAW = {"Key": "raw/d/a.csv"}
BACKBONE = {"Key": "backbones/b.onnx"}
DATASET = {"Key": "datasets/d/1/train.parquet"}
LATEST = {"Key": "datasets/d/latest.json"}
JOB = {"Key": f"jobs/model_training/{NOBODY}.json"}
TRIAL = {"Key": "trials/d/1/0123456789abcdef.json"}
OTHER_JOB = {"Key": f"jobs/data_processing/{NOBODY}.json"}

FORBIDDEN = [
    ("inference", "put_object", MODEL),
    ("inference", "put_object", ALIAS),
    ("inference", "delete_object", MODEL),
    *[("inference", "get_object", pickle) for pickle in PICKLES],
    ("inference", "put_object", RAW),
    ("inference", "delete_object", RAW),
    ("inference", "get_object", DATASET),
    ("inference", "get_object", JOB),
    ("inference", "get_object", TRIAL),
    ("data_processing", "get_object", TRIAL),
    ("data_processing", "put_object", TRIAL),
    ("inference", "list_objects_v2", {"Prefix": "datasets/"}),
    ("data_processing", "get_object", MODEL),
    ("data_processing", "get_object", ALIAS),
    ("data_processing", "put_object", MODEL),
    ("data_processing", "put_object", ALIAS),
    ("data_processing", "get_object", JOB),
    ("data_processing", "put_object", JOB),
    ("data_processing", "list_objects_v2", {"Prefix": "models/"}),
    ("data_processing", "delete_object", RAW),
    ("data_processing", "delete_object", DATASET),
    ("data_processing", "delete_object", MODEL),
    ("data_processing", "delete_object", OTHER_JOB),
    ("inference", "delete_object", ALIAS),
    ("inference", "delete_object", DATASET),
    ("model_training", "put_object", RAW),
    ("model_training", "put_object", DATASET),
    ("model_training", "put_object", LATEST),
    ("model_training", "get_object", OTHER_JOB),
    ("model_training", "put_object", OTHER_JOB),
    ("model_training", "put_object", BACKBONE),
    ("model_training", "delete_object", RAW),
    ("model_training", "delete_object", JOB),
    ("model_training", "delete_object", TRIAL),
    ("model_training", "delete_object", BACKBONE),
    *[
        (function, call, arguments)
        for function in FUNCTIONS
        for call, arguments in (
            ("put_object", {"Key": "elsewhere/a"}),
            ("get_object", {"Key": "elsewhere/a"}),
            ("list_objects_v2", {}),
            ("list_objects_v2", {"Prefix": "jobs/"}),
            ("list_object_versions", {"Prefix": "models/"}),
            ("get_object", {**MODEL, "VersionId": "1"}),
            ("put_object_tagging", {**MODEL, "Tagging": {"TagSet": []}}),
            ("put_bucket_policy", {"Policy": "{}"}),
            ("delete_bucket", {}),
        )
    ],
]


@pytest.fixture(scope="module")
def objects(cloud: LocalCloud) -> Iterator[None]:
    """An object at every key that is forbidden: a missing one would be denied to anybody."""
    bucket = {"Bucket": cloud.outputs["data_bucket"]}
    s3 = cloud.boto3("s3")
    keys = {str(arguments["Key"]) for _, _, arguments in FORBIDDEN if "Key" in arguments}
    made = [{**bucket, "Key": key} for key in sorted(keys)]
    versions = [s3.put_object(**one, Body=b"{}")["VersionId"] for one in made]
    yield
    for one, version in zip(made, versions, strict=True):
        s3.delete_object(**one, VersionId=version)


@pytest.mark.usefixtures("objects")
@pytest.mark.parametrize(("function", "call", "arguments"), FORBIDDEN)
def test_forbidden_in_the_data_bucket(
    cloud: LocalCloud, function: str, call: str, arguments: dict[str, Any]
) -> None:
    bucket = cloud.outputs["data_bucket"]

    assert denied(cloud, function, "s3", call, Bucket=bucket, **arguments)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("bucket", ["artifacts", "another"])
def test_forbidden_in_other_buckets(cloud: LocalCloud, function: str, bucket: str) -> None:
    s3 = cloud.boto3("s3")
    if bucket == "artifacts":
        name = cloud.outputs["local_artifacts_bucket"]
        code = s3.list_objects_v2(Bucket=name, Prefix=f"{function}/")["Contents"][0]["Key"]
    else:
        name, code = "another-bucket", "models/m"
        s3.create_bucket(Bucket=name)
        s3.put_object(Bucket=name, Key=code, Body=b"{}")
    key = {"Bucket": name, "Key": code}

    assert denied(cloud, function, "s3", "get_object", **key)
    assert denied(cloud, function, "s3", "put_object", **key)
    assert denied(cloud, function, "s3", "list_objects_v2", Bucket=name, Prefix=f"{function}/")
    assert denied(cloud, function, "s3", "list_buckets")


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("other", FUNCTIONS)
def test_forbidden_with_functions(cloud: LocalCloud, function: str, other: str) -> None:
    name = {"FunctionName": cloud.function_names[other]}

    assert denied(cloud, function, "lambda", "invoke", **name)  # even itself, but by its alias
    assert denied(cloud, function, "lambda", "get_function", **name)
    assert denied(cloud, function, "lambda", "update_function_code", **name, ZipFile=b"")
    if function != other or function == "inference":
        assert denied(cloud, function, "lambda", "invoke", **name, Qualifier="live")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_forbidden_with_roles_and_logs(cloud: LocalCloud, function: str) -> None:
    name = cloud.function_names[function]
    other = next(one for one in cloud.function_names.values() if one != name)
    role = role_arn(cloud, function).rpartition("/")[2]
    policy = {"RoleName": role, "PolicyName": "more", "PolicyDocument": "{}"}

    assert denied(cloud, function, "iam", "put_role_policy", **policy)
    assert denied(cloud, function, "iam", "get_role", RoleName=role)
    assert denied(cloud, function, "iam", "create_user", UserName="mallory")
    arn = role_arn(cloud, "model_training")
    assert denied(cloud, function, "sts", "assume_role", RoleArn=arn, RoleSessionName="mallory")
    for group in (f"/aws/lambda/{other}", "elsewhere"):
        stream = {"logGroupName": group, "logStreamName": "a"}
        assert denied(cloud, function, "logs", "create_log_stream", **stream)
    group_name = f"/aws/lambda/{name}"
    assert denied(cloud, function, "logs", "delete_log_group", logGroupName=group_name)


def test_the_same_calls_are_allowed_to_whom_they_belong(cloud: LocalCloud) -> None:
    bucket = {"Bucket": cloud.outputs["data_bucket"]}

    assert not denied(cloud, "model_training", "s3", "put_object", **bucket, **JOB)
    assert not denied(cloud, "model_training", "s3", "get_object", **bucket, **JOB)
    assert not denied(cloud, "data_processing", "s3", "put_object", **bucket, **OTHER_JOB)
    assert not denied(cloud, "inference", "s3", "list_objects_v2", **bucket, Prefix="models/")
    own = {"FunctionName": cloud.function_names["model_training"], "Qualifier": "live"}
    assert not denied(cloud, "model_training", "lambda", "invoke", **own, InvocationType="DryRun")


def denied(cloud: LocalCloud, function: str, service: str, call: str, **arguments: Any) -> bool:
    """Whether a call with a function's own keys is refused for want of a permission."""
    client = cloud.boto3(service, cloud.function_names[function])
    try:
        getattr(client, call)(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException")
    return False
