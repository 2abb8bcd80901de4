"""The local cloud: AWS's APIs, Lambda and API Gateway in this process, Terraform beside it."""

import fcntl
import json
import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import boto3
from botocore.config import Config

from local import aws
from local.client import Answer, Client
from local.errors import LocalCloudError, explained
from local.gateway.app import PREFIX, Gateway
from local.guard import Guard, RequireSignature
from local.iam.gate import Gate
from local.iam.journal import Journal
from local.iam.sessions import RoleSessions
from local.lambda_runtime.environment import Host
from local.lambda_runtime.functions import ACCOUNT_ID, resolve
from local.lambda_runtime.invoke import Invoker
from local.lambda_runtime.models import Credentials, Outcome
from local.lambda_runtime.runtime_site import runtime_python
from local.lambda_service import invoke_handler
from local.moto_patches import all_patches
from local.moto_patches.patch import applied
from local.moto_patches.s3 import ranged_reads
from local.open_address import OpenAddress
from local.pages import Pages
from local.s3_bodies.intact import IntactBodies
from local.signature import Keyring, access_key_id
from local.terraform import REPOSITORY, Terraform

INVOKE_URL = re.compile(r"^https://(?P<api>[^.]+)\.execute-api\.[^/]+/(?P<stage>[^/]+)/?$")
FOLDER = REPOSITORY / "build" / "local"

_MADE = ("lock", "logs", "scratch", "code", "terraform")
"""What is in a folder where a local cloud was, which the next one replaces; the lock is empty."""

_ENV = b"export API_URL='http://127.0.0.1:"
"""How the file of variables begins."""


class LocalCloud:
    """An AWS of one's own for as long as a `with` block lasts; one per process at a time.

        with LocalCloud() as cloud:
            cloud.apply()
            print(cloud.api_url)

    Listens on 127.0.0.1 only, at `port` or a free one. Everything it writes is below `folder`
    (build/local by default). `retry_delays` are the seconds before the retries of a failed
    asynchronous invocation. Raises LocalCloudError with one line that says what would help.
    """

    def __init__(
        self,
        port: int = 0,
        folder: Path = FOLDER,
        *,
        region: str = "us-east-1",
        retry_delays: Sequence[float] = (1.0, 2.0),
        concurrency: int = 32,
    ) -> None:
        self.region = region
        self.folder = folder.resolve()
        self._port = port
        self._retry_delays = retry_delays
        self._concurrency = concurrency
        self._stack = ExitStack()
        self._failed = False
        self._keyring = Keyring({})
        self._address = OpenAddress()
        self._terraform: dict[str, Terraform] = {}
        self._outputs: dict[str, Any] = {}
        self.credentials = self._keyring.add(
            Credentials(
                access_key_id=access_key_id(),
                secret_access_key=secrets.token_urlsafe(30),
                session_token="",
                principal_arn=f"arn:aws:iam::{ACCOUNT_ID}:user/local",
            )
        )

    def __enter__(self) -> Self:
        try:
            with self._explained():
                self._start()
        except BaseException:
            self._failed = True
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def endpoint_url(self) -> str:
        """Of all AWS services: AWS_ENDPOINT_URL."""
        return f"http://127.0.0.1:{self._server.port}"

    @property
    def _open_endpoint_url(self) -> str:
        return self.endpoint_url + self._address.path

    @property
    def api_url(self) -> str:
        """Of the applied root's REST API, with its stage and without a slash at its end."""
        return self.local_url(str(self.outputs["api_url"]))

    @property
    def outputs(self) -> dict[str, Any]:
        """Of the applied root. Raises LocalCloudError before `apply`."""
        if not self._outputs:
            raise LocalCloudError("nothing is applied yet: call apply() first")
        return self._outputs

    @property
    def function_names(self) -> dict[str, str]:
        """Name of each deployed function, by function."""
        return dict(self.outputs["function_names"])

    @property
    def variables(self) -> dict[str, str]:
        """What any client needs to speak to this AWS, as environment variables."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "OPEN_ENDPOINT_URL": self._open_endpoint_url,
            **self.credentials.as_variables(),
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
        }

    def local_url(self, invoke_url: str) -> str:
        """Where a stage's invoke URL (https://<api>.execute-api...) is served here."""
        return f"{self.endpoint_url}{PREFIX}{_stage(invoke_url)}"

    def open_url(self, invoke_url: str) -> str:
        """Where it is served here to clients without a signature, web pages included."""
        return f"{self._open_endpoint_url}/{_stage(invoke_url)}"

    def apply(
        self,
        root: str = "quickstart",
        on_line: Callable[[str], None] = lambda line: None,
        **variables: Any,
    ) -> dict[str, Any]:
        """Apply examples/<root> with Terraform and write <folder>.env; its outputs.

        Applied again, it deploys what has changed, new zips included.
        """
        given = {"region": self.region, "force_destroy": True, **variables}
        try:
            with self._explained():
                if root not in self._terraform:
                    terraform = Terraform(root, self.folder / "terraform", self.variables)
                    self._stack.callback(terraform.forget)
                    self._terraform[root] = terraform
                self._outputs = self._terraform[root].apply(given, on_line)
                self.write_env(self._env)
        except LocalCloudError:
            self._failed = not self._outputs
            raise
        return self._outputs

    def changes(self) -> bool:
        """Whether Terraform, asked again, would change anything of what was applied."""
        return any(terraform.changes() for terraform in self._terraform.values())

    def destroy(self) -> None:
        """Destroy what `apply` made, the last first."""
        while self._terraform:
            self._terraform.popitem()[1].destroy()
        self._outputs = {}

    def write_env(self, path: Path) -> None:
        """Write a file of environment variables for shells, readable by this user only.

        It goes with the cloud, as its keys are of no use afterwards.
        """
        self._stack.callback(path.unlink, missing_ok=True)
        outputs = self.outputs
        values = {
            "API_URL": self.api_url,
            "OPEN_API_URL": self.open_url(str(outputs["api_url"])),
            **self.variables,
            "DATA_BUCKET": outputs["data_bucket"],
            "ARTIFACTS_BUCKET": outputs["local_artifacts_bucket"],
        }
        for function, name in self.function_names.items():
            values[f"{function.upper()}_FUNCTION"] = name
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_text("".join(f"export {name}='{value}'\n" for name, value in values.items()))

    def boto3(self, service: str, function_name: str | None = None) -> Any:
        """A boto3 client of a service, signing with this run's keys, or with a function's own."""
        keys = self.credentials_of(function_name) if function_name else self.credentials
        return boto3.client(
            service,
            region_name=self.region,
            endpoint_url=self.endpoint_url,
            aws_access_key_id=keys.access_key_id,
            aws_secret_access_key=keys.secret_access_key,
            aws_session_token=keys.session_token or None,
            config=Config(signature_version="s3v4") if service == "s3" else None,
        )

    def credentials_of(self, function_name: str) -> Credentials:
        """The keys by which a function acts."""
        return self._roles.credentials(resolve(function_name, None, self.region).config)

    def client(self) -> Client:
        """A signed client of the applied root's REST API."""
        keys = self.credentials
        return Client(self.api_url, keys.access_key_id, keys.secret_access_key, self.region)

    def api(
        self,
        method: str,
        path: str,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One signed request to the applied root's REST API."""
        return self.client().request(method, path, json, headers)

    def invoke(self, name: str, payload: Any, qualifier: str | None = None) -> Outcome:
        """Invoke a function directly and wait for the outcome. Raises InvokeError."""
        event = json.dumps(payload).encode()
        outcome = self._invoker.invoke(name, event, qualifier=qualifier)
        assert outcome is not None
        return outcome

    def kill(self, function_name: str) -> int:
        """Kill the processes of a function that are handling an event; how many there were."""
        return self._invoker.kill(function_name)

    def logs(self, function_name: str) -> str:
        """All that a function has logged in this run."""
        path = self.folder / "logs" / f"{function_name}.log"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def permissions(self) -> list[dict[str, Any]]:
        """Every permission that a function has asked for in this run, and whether it had it."""
        return list(self._journal.entries())

    def _explained(self) -> AbstractContextManager[None]:
        return explained(f"cannot use the folder {self.folder}")

    def _start(self) -> None:
        self._server = aws.Server(self._port)
        self._stack.callback(self._server.stop)
        if self.folder.exists() and not self.folder.is_dir():
            raise LocalCloudError(f"{self.folder} is a file: name a folder with --folder")
        self._check_folder()
        missing = [one for one in (self.folder, *self.folder.parents) if not one.exists()]
        self._stack.callback(_remove_empty, missing)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._stack.enter_context(_locked(self.folder / "lock"))
        if missing:
            self._stack.callback(self._remove_after_failure)
        python = runtime_python(REPOSITORY / "build" / "lambda-runtime")
        self._env.unlink(missing_ok=True)
        shutil.rmtree(self.folder / "logs", ignore_errors=True)
        scratch = self.folder / "scratch"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        self._stack.callback(shutil.rmtree, scratch, ignore_errors=True)
        self._journal = Journal(self.folder / "logs" / "permissions.jsonl")
        self._stack.callback(self._journal.close)
        gate = Gate(ranged_reads(aws.moto_app()), self.region, self._journal)
        self._roles = RoleSessions(self._keyring, gate)
        self._invoker = Invoker(
            Host(python, self.endpoint_url, scratch),
            self.folder,
            self.region,
            self._roles,
            retry_delays=self._retry_delays,
            concurrency=self._concurrency,
        )
        self._stack.callback(self._invoker.close)
        aws.reset()
        patches = all_patches(invoke_handler(self._invoker))
        self._stack.enter_context(applied(patches))
        self._stack.callback(aws.forget_objects)
        gateway = Gateway(
            RequireSignature(IntactBodies(gate), self._keyring),
            self._run_integration,
            self._keyring,
            gate.permits,
            self.region,
            self._address,
        )
        self._stack.callback(gateway.close)
        port = self._server.port
        hosts = frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})
        self._server.start(Guard(Pages(gateway, self._address, self._keyring), hosts))

    @property
    def _env(self) -> Path:
        return self.folder.with_suffix(".env")

    def _check_folder(self) -> None:
        """Raises LocalCloudError for a folder in which something of others would be lost."""
        advice = f"cannot use the folder {self.folder}: {{}}; name another one with --folder"
        if not self.folder.name:
            raise LocalCloudError(advice.format("it has no name"))
        lock = self.folder / "lock"
        there = [name for name in _MADE if (self.folder / name).exists()]
        if there and not (lock.is_file() and lock.stat().st_size == 0):
            others = f"no local cloud has made what is there ({', '.join(there)})"
            raise LocalCloudError(advice.format(others))
        if self._env.exists() and not self._env.read_bytes().startswith(_ENV):
            raise LocalCloudError(advice.format(f"no local cloud has made {self._env}"))

    def _remove_after_failure(self) -> None:
        """Leave nothing of a run that came to nothing, in a folder that it has made."""
        if self._failed:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _run_integration(self, function_arn: str, event: bytes) -> Outcome:
        outcome = self._invoker.invoke(function_arn, event)
        assert outcome is not None
        return outcome


def _stage(invoke_url: str) -> str:
    """The API's id and the stage's name, as the gateway has them in paths."""
    match = INVOKE_URL.match(invoke_url)
    if match is None:
        raise LocalCloudError(f"{invoke_url!r} is not the invoke URL of a REST API's stage")
    return f"{match['api']}/{match['stage']}"


def _remove_empty(folders: Sequence[Path]) -> None:
    """Remove the folders, of which each holds the one before it, as far as nothing is in them."""
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock file, so that two clouds never share a folder. Raises LocalCloudError."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise LocalCloudError(
                f"a local cloud is already running in {path.parent}: stop it first"
            ) from error
        yield
