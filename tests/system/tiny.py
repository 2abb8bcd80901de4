"""Functions and APIs of a few lines, deployed to the local cloud as Terraform would."""

import io
import json
import re
import uuid
import zipfile
from dataclasses import dataclass
from typing import Any

from local.client import Client
from local.cloud import LocalCloud

WRITE_LOGS = {
    "Effect": "Allow",
    "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
    "Resource": "*",
}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})


@dataclass(frozen=True)
class Function:
    """A deployed function; `alias_arn` is of its alias live."""

    name: str
    alias_arn: str
    role: str


def zipped(source: str) -> bytes:
    """A zip with one module, app.py."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", source)
    return buffer.getvalue()


def deploy(
    cloud: LocalCloud, source: str, policy: Any = (WRITE_LOGS,), **settings: Any
) -> Function:
    """A function whose handler is `handler` in `source`, with its log group, version and alias.

    Its role may do what the statements of `policy` say.
    """
    name = f"tiny-{uuid.uuid4().hex[:12]}"
    iam, functions, logs = cloud.boto3("iam"), cloud.boto3("lambda"), cloud.boto3("logs")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    if policy:
        document = json.dumps({"Version": "2012-10-17", "Statement": list(policy)})
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=document)
    logs.create_log_group(logGroupName=f"/aws/lambda/{name}")
    defaults = {"Timeout": 10, "MemorySize": 256}
    functions.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="app.handler",
        Role=role,
        Code={"ZipFile": zipped(source)},
        **{**defaults, **settings},
    )
    version = functions.publish_version(FunctionName=name)["Version"]
    alias = functions.create_alias(FunctionName=name, Name="live", FunctionVersion=version)
    return Function(name, alias["AliasArn"], name)


def redeploy(cloud: LocalCloud, function: Function, source: str) -> None:
    """New code behind the same alias."""
    functions = cloud.boto3("lambda")
    functions.update_function_code(FunctionName=function.name, ZipFile=zipped(source))
    version = functions.publish_version(FunctionName=function.name)["Version"]
    functions.update_alias(FunctionName=function.name, Name="live", FunctionVersion=version)


def integration(function: Function, **more: Any) -> dict[str, Any]:
    """The proxy integration of an operation with a function."""
    path = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions"
    uri = f"{path}/{function.alias_arn}/invocations"
    return {"type": "aws_proxy", "httpMethod": "POST", "uri": uri, **more}


def deploy_api(cloud: LocalCloud, paths: dict[str, Any], **document: Any) -> str:
    """A deployed REST API, signed with IAM, that may invoke its functions; its local URL."""
    gateway, functions = cloud.boto3("apigateway"), cloud.boto3("lambda")
    body = {
        "openapi": "3.0.1",
        "info": {"title": "tiny", "version": "1", "description": "-"},
        "paths": {
            path: {
                method: {
                    "security": [{"sigv4": []}],
                    "parameters": [
                        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
                        for name in re.findall(r"{(\w+)\+?}", path)
                    ],
                    **operation,
                }
                for method, operation in methods.items()
            }
            for path, methods in paths.items()
        },
        "components": {
            "securitySchemes": {
                "sigv4": {
                    "type": "apiKey",
                    "name": "Authorization",
                    "in": "header",
                    "x-amazon-apigateway-authtype": "awsSigv4",
                }
            }
        },
        **document,
    }
    api = gateway.import_rest_api(body=json.dumps(body).encode())["id"]
    gateway.create_deployment(restApiId=api, stageName="prod")
    arn = f"arn:aws:execute-api:us-east-1:123456789012:{api}/*"
    for methods in paths.values():
        for operation in methods.values():
            uri = operation["x-amazon-apigateway-integration"]["uri"]
            functions.add_permission(
                FunctionName=uri.split(":function:")[1].split(":")[0],
                StatementId=uuid.uuid4().hex,
                Action="lambda:InvokeFunction",
                Principal="apigateway.amazonaws.com",
                SourceArn=arn,
                Qualifier="live",
            )
    return cloud.local_url(f"https://{api}.execute-api.us-east-1.amazonaws.com/prod")


def client(cloud: LocalCloud, url: str) -> Client:
    """A client that signs with this run's keys."""
    keys = cloud.credentials
    return Client(url, keys.access_key_id, keys.secret_access_key, cloud.region)
