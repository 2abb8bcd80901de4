import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.apigateway.models import apigateway_backends

from local.moto_patches import api_gateway
from local.moto_patches.patch import applied


def document(path: str) -> bytes:
    integration = {
        "type": "aws_proxy",
        "httpMethod": "POST",
        "uri": "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
        "arn:aws:lambda:us-east-1:123456789012:function:f/invocations",
    }
    operation = {"x-amazon-apigateway-integration": integration, "security": [{"sigv4": []}]}
    return json.dumps(
        {
            "openapi": "3.0.1",
            "info": {"title": "t", "version": "1", "description": "-"},
            "paths": {path: {"get": operation}},
            "components": {"securitySchemes": {"sigv4": {"type": "apiKey"}}},
        }
    ).encode()


def moto_apis() -> dict[str, Any]:

    apis: dict[str, Any] = apigateway_backends["123456789012"]["us-east-1"].apis
    return apis


def test_refuse_documents() -> None:
    gateway = boto3.client("apigateway")
    stock = gateway.import_rest_api(body=document("/{a}"))["id"]  # which has no such parameter

    with (
        applied([api_gateway.refuse_documents()]),
        pytest.raises(ClientError, match=r"GET /\{b\}: the path's variables are"),
    ):
        gateway.import_rest_api(body=document("/{b}"))
    with (
        applied([api_gateway.remember_openapi()]),
        pytest.raises(ClientError, match="BadRequestException"),
    ):
        gateway.put_rest_api(restApiId=stock, mode="overwrite", body=document("/{b}"))

    assert list(moto_apis()) == [stock]


def test_remember_openapi() -> None:
    gateway = boto3.client("apigateway")
    stock = gateway.import_rest_api(body=document("/a"))["id"]
    resources = gateway.get_resources(restApiId=stock, embed=["methods"])["items"]
    method = next(one for one in resources if one["path"] == "/a")["resourceMethods"]["GET"]
    assert method.get("authorizationType") != "AWS_IAM"  # its security is gone

    with applied([api_gateway.remember_openapi()]):
        patched = gateway.import_rest_api(body=document("/a"))["id"]

    apis = moto_apis()
    assert not hasattr(apis[stock], "openapi")
    assert apis[patched].openapi == json.loads(document("/a"))


def test_remember_deployment() -> None:
    gateway = boto3.client("apigateway")
    with applied([api_gateway.remember_openapi(), api_gateway.remember_deployment()]):
        api = gateway.import_rest_api(body=document("/a"))["id"]
        policy = {"op": "replace", "path": "/policy", "value": "{}"}
        gateway.update_rest_api(restApiId=api, patchOperations=[policy])
        first = gateway.create_deployment(restApiId=api)["id"]
        gateway.put_rest_api(restApiId=api, mode="overwrite", body=document("/b"))
        second = gateway.create_deployment(restApiId=api)["id"]
    stock = gateway.create_deployment(restApiId=api)["id"]

    deployments = moto_apis()[api].deployments
    assert deployments[first].openapi == json.loads(document("/a"))
    assert deployments[second].openapi == json.loads(document("/b"))
    assert [deployments[one].policy for one in (first, second)] == ["{}", None]
    assert not hasattr(deployments[stock], "openapi")


def test_mock_integrations() -> None:
    preflight = {
        "type": "mock",
        "requestTemplates": {"application/json": '{"statusCode": 204}'},
        "responses": {"default": {"statusCode": "204"}},
    }
    body = json.dumps(
        {
            "openapi": "3.0.1",
            "info": {"title": "t", "version": "1", "description": "-"},
            "paths": {"/a": {"options": {"x-amazon-apigateway-integration": preflight}}},
        }
    ).encode()
    gateway = boto3.client("apigateway")
    with pytest.raises(TypeError):
        gateway.import_rest_api(body=body)
    with applied([api_gateway.mock_integrations()]):
        api = gateway.import_rest_api(body=body)
        resources = gateway.get_resources(restApiId=api["id"], embed=["methods"])["items"]
    (found,) = [one for one in resources if one["path"] == "/a"]
    assert found["resourceMethods"]["OPTIONS"]["methodIntegration"]["type"] == "mock"


def test_escape_api_policies() -> None:
    gateway = boto3.client("apigateway")
    policy = json.dumps({"Statement": []})
    api = gateway.create_rest_api(name="a", policy=policy)["id"]
    assert gateway.get_rest_api(restApiId=api)["policy"] == policy
    with applied([api_gateway.escape_api_policies()]):
        answer = gateway.get_rest_api(restApiId=api)["policy"]
    assert json.loads(f'"{answer}"') == policy


def test_name_binary_types_in_paths() -> None:
    gateway = boto3.client("apigateway")
    api = gateway.create_rest_api(name="a")["id"]

    def types(*operations: tuple[str, str]) -> list[str]:
        patches = [
            {"op": op, "path": f"/binaryMediaTypes/{name.replace('/', '~1')}"}
            for op, name in operations
        ]
        answer = gateway.update_rest_api(restApiId=api, patchOperations=patches)
        return list(answer.get("binaryMediaTypes", []))

    assert types(("add", "image/png")) == [""]
    with applied([api_gateway.name_binary_types_in_paths()]):
        assert types(("add", "image/png"), ("add", "image/gif")) == ["", "image/png", "image/gif"]
        assert types(("remove", "image/png")) == ["", "image/gif"]
        renamed = [{"op": "replace", "path": "/name", "value": "b"}]
        assert gateway.update_rest_api(restApiId=api, patchOperations=renamed)["name"] == "b"


def test_map_rest_apis() -> None:
    first, second = boto3.client("apigateway"), boto3.client("apigatewayv2")
    api = first.import_rest_api(body=document("/a"))["id"]
    first.create_domain_name(domainName="ml.example.com")
    asked = {"ApiId": api, "DomainName": "ml.example.com", "Stage": "prod"}

    with pytest.raises(second.exceptions.NotFoundException):
        second.create_api_mapping(**asked, ApiMappingKey="ml/v1")
    with applied([api_gateway.map_rest_apis()]):
        made = second.create_api_mapping(**asked, ApiMappingKey="ml/v1")["ApiMappingId"]
        found = second.get_api_mapping(DomainName="ml.example.com", ApiMappingId=made)
    assert (found["ApiId"], found["ApiMappingKey"]) == (api, "ml/v1")
    assert second.get_apis()["Items"] == []


def test_change_api_mappings() -> None:
    second = boto3.client("apigatewayv2")
    second.create_domain_name(DomainName="ml.example.com")
    api = second.create_api(Name="a", ProtocolType="HTTP")["ApiId"]
    asked = {"ApiId": api, "DomainName": "ml.example.com"}
    made = second.create_api_mapping(**asked, Stage="prod", ApiMappingKey="ml/v1")["ApiMappingId"]

    with pytest.raises(NotImplementedError):
        second.update_api_mapping(**asked, ApiMappingId=made, Stage="live")
    with applied([api_gateway.change_api_mappings()]):
        second.update_api_mapping(**asked, ApiMappingId=made, Stage="live")
    found = second.get_api_mapping(DomainName="ml.example.com", ApiMappingId=made)
    assert (found["Stage"], found["ApiMappingKey"]) == ("live", "ml/v1")


def test_keep_mapped_stages() -> None:
    first, second = boto3.client("apigateway"), boto3.client("apigatewayv2")
    api = first.import_rest_api(body=document("/a"))["id"]
    first.create_domain_name(domainName="ml.example.com")
    stages = ["stock", "one_level", "several_levels"]
    for stage in stages:
        first.create_deployment(restApiId=api, stageName=stage)
    for stage in stages[:2]:
        asked = {"restApiId": api, "stage": stage, "basePath": stage}
        first.create_base_path_mapping(domainName="ml.example.com", **asked)
    first.delete_stage(restApiId=api, stageName="stock")

    with applied([api_gateway.map_rest_apis(), api_gateway.keep_mapped_stages()]):
        mapping = {"DomainName": "ml.example.com", "ApiMappingKey": "ml/v1"}
        second.create_api_mapping(ApiId=api, Stage="several_levels", **mapping)
        for stage in stages[1:]:
            with pytest.raises(ClientError, match=f"BadRequest.*stage {stage} failed"):
                first.delete_stage(restApiId=api, stageName=stage)
        first.delete_base_path_mapping(domainName="ml.example.com", basePath="one_level")
        first.delete_stage(restApiId=api, stageName="one_level")
