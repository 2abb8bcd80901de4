"""API Gateway."""

import json
from typing import Any

from moto.apigateway.exceptions import BadRequestException
from moto.apigateway.models import APIGatewayBackend, RestAPI, apigateway_backends
from moto.apigatewayv2.models import ApiGatewayV2Backend, apigatewayv2_backends
from moto.apigatewayv2.responses import ApiGatewayV2Response

from local.gateway.import_rules import refused
from local.moto_patches.patch import Patch


def remember_openapi() -> Patch:
    original = APIGatewayBackend.put_rest_api

    def replacement(
        self: Any, function_id: str, api_doc: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        _refuse(api_doc)
        api = original(self, function_id, api_doc, *args, **kwargs)
        api.openapi = api_doc  # type: ignore[attr-defined]
        if "overwrite" in (*args, kwargs.get("mode")):
            api.policy = None  # the module's documents have none
        return api

    return Patch(
        APIGatewayBackend,
        "put_rest_api",
        replacement,
        "moto drops security, validators, models and gateway responses of an imported document, "
        "imports what API Gateway refuses, and keeps the policy of an API that is overwritten",
    )


def refuse_documents() -> Patch:
    original = APIGatewayBackend.import_rest_api

    def replacement(self: Any, api_doc: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        _refuse(api_doc)
        return original(self, api_doc, *args, **kwargs)

    return Patch(
        APIGatewayBackend,
        "import_rest_api",
        replacement,
        "moto makes an API before it looks at its document, of which it refuses next to nothing",
    )


def _refuse(document: dict[str, Any]) -> None:
    if faults := refused(document):
        raise BadRequestException("Invalid OpenAPI document: " + "; ".join(faults[:20]))


def mock_integrations() -> Patch:
    original = APIGatewayBackend._build_integration_args

    def replacement(self: Any, integration: dict[str, Any]) -> dict[str, Any]:
        arguments: dict[str, Any] = original(self, integration)
        if integration.get("type") == "mock":
            arguments.update(uri="", integration_method="")
        return arguments

    return Patch(
        APIGatewayBackend,
        "_build_integration_args",
        replacement,
        "moto wants a URI and a method of mock integrations, which have none",
    )


def map_rest_apis() -> Patch:
    original = ApiGatewayV2Backend.create_api_mapping

    def replacement(
        self: Any, api_id: str, api_mapping_key: str, domain_name: str, stage: str
    ) -> Any:
        first = apigateway_backends[self.account_id][self.region_name]
        if domain_name in first.domain_names:
            self.domain_names.setdefault(domain_name, first.domain_names[domain_name])
        if api_id not in first.apis:
            return original(self, api_id, api_mapping_key, domain_name, stage)
        self.apis[api_id] = first.apis[api_id]
        try:
            return original(self, api_id, api_mapping_key, domain_name, stage)
        finally:
            del self.apis[api_id]

    return Patch(
        ApiGatewayV2Backend,
        "create_api_mapping",
        replacement,
        "API Gateway's second API maps REST APIs to names that its first one has made; in moto "
        "neither knows what the other one has",
    )


def change_api_mappings() -> Patch:
    def replacement(self: Any) -> tuple[int, dict[str, str], str]:
        *_, domain_name, _, mapping_id = self.path.split("/")
        mapping = self.apigatewayv2_backend.get_api_mapping(mapping_id, domain_name)
        asked = json.loads(self.body)
        mapping.stage = asked.get("stage", mapping.stage)
        mapping.api_mapping_key = asked.get("apiMappingKey", mapping.api_mapping_key)
        return 200, {}, json.dumps(mapping.to_json())

    return Patch(
        ApiGatewayV2Response,
        "update_api_mapping",
        replacement,
        "moto makes and deletes API mappings, and has no way of changing one",
    )


def keep_mapped_stages() -> Patch:
    original = APIGatewayBackend.delete_stage

    def replacement(self: Any, function_id: str, stage_name: str) -> None:
        second = apigatewayv2_backends[self.account_id][self.region_name]
        first_ones = (one for paths in self.base_path_mappings.values() for one in paths.values())
        mapped = [(one.rest_api_id, one.stage) for one in first_ones]
        mapped += [(one.api_id, one.stage) for one in second.api_mappings.values()]
        if (function_id, stage_name) in mapped:
            raise BadRequestException(
                f"Deleting stage {stage_name} failed. Please remove all base path mappings "
                "related to the stage in your domains"
            )
        original(self, function_id, stage_name)

    return Patch(
        APIGatewayBackend,
        "delete_stage",
        replacement,
        "API Gateway keeps a stage that a name is mapped to, which moto deletes: "
        "https://github.com/hashicorp/terraform-provider-aws/issues/41651",
    )


def escape_api_policies() -> Patch:
    original = RestAPI.to_dict

    def replacement(self: Any) -> dict[str, Any]:
        answer: dict[str, Any] = original(self)
        if answer.get("policy"):
            answer["policy"] = json.dumps(answer["policy"])[1:-1]
        return answer

    return Patch(
        RestAPI,
        "to_dict",
        replacement,
        "API Gateway answers with the policy as the inside of a JSON string, which the provider "
        "unquotes; moto answers with the policy itself",
    )


def remember_deployment() -> Patch:
    original = RestAPI.create_deployment

    def replacement(self: Any, *args: Any, **kwargs: Any) -> Any:
        deployment = original(self, *args, **kwargs)
        openapi = getattr(self, "openapi", None)
        deployment.openapi = openapi  # type: ignore[attr-defined]
        deployment.policy = self.policy  # type: ignore[attr-defined]
        return deployment

    return Patch(
        RestAPI,
        "create_deployment",
        replacement,
        "a stage serves the API as it was when deployed; moto keeps no snapshot",
    )


def name_binary_types_in_paths() -> Patch:
    original = RestAPI.apply_patch_operations

    def replacement(self: Any, patch_operations: list[dict[str, Any]]) -> None:
        others = []
        for operation in patch_operations:
            kind, _, name = operation["path"].removeprefix("/").partition("/")
            if kind == "binaryMediaTypes" and name:
                unescaped = name.replace("~1", "/")
                kept = [one for one in self.binaryMediaTypes if one != unescaped]
                self.binaryMediaTypes = kept + [unescaped] * (operation["op"] == "add")
            else:
                others.append(operation)
        original(self, others)

    return Patch(
        RestAPI,
        "apply_patch_operations",
        replacement,
        "the provider names a binary media type in the path, as API Gateway has it; moto reads it "
        "from the value, where there is none",
    )
