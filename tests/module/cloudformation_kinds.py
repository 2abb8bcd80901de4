"""Terraform's types in CloudFormation, and the attributes whose property no rule gives.

The rule is in cloudformation.py: `function_name` is `FunctionName`, a block `rule` is `Rules`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

type Values = dict[str, Any]

INLINE = ""
"""In place of a property: a block's attributes are properties of the object that has the block."""


def _as_it_is(values: Values) -> Values:
    return values


@dataclass(frozen=True)
class Kind:
    """How CloudFormation describes a type of Terraform.

    Types that are parts of one resource, as a bucket and its versioning, have the same name, and
    values of their identity tell which resource.
    """

    name: str
    identity: Mapping[str, str] = field(default_factory=dict)
    """Attributes that identify the resource, with their properties."""
    within: str = ""
    """The property that holds all other attributes."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Properties by attribute; a dot leads into a block."""
    unset: Mapping[str, Any] = field(default_factory=dict)
    """Values by which the provider says that an attribute is not set."""
    without: tuple[str, ...] = ()
    """Attributes that have no property, besides NO_PROPERTY."""
    arranged: Callable[[Values], Values] = _as_it_is
    """Arranges values in CloudFormation's blocks, under Terraform's names."""


def _function(values: Values) -> Values:
    code = {name: values[name] for name in ("s3_bucket", "s3_key")}
    return values | {"code": [code]} | dict.fromkeys(code)


def _alarm(values: Values) -> Values:
    def query(block: Values) -> Values:
        stated = [
            {"metric": [{name: one[name] for name in METRIC}], **one} | dict.fromkeys(METRIC)
            for one in block["metric"]
        ]
        return block | {"metric": None, "metric_stat": stated}

    return values | {
        "metric_query": None,
        "metrics": [query(one) for one in values["metric_query"]],
    }


def _alias(values: Values) -> Values:
    routing = [
        {
            "additional_version_weights": [
                {"function_version": version, "function_weight": weight}
                for version, weight in one["additional_version_weights"].items()
            ]
        }
        for one in values["routing_config"]
    ]
    return values | {"routing_config": routing}


def _permission(values: Values) -> Values:
    parts = filter(None, (values["function_name"], values["qualifier"]))
    return values | {"function_name": ":".join(parts), "qualifier": None}


def _method_settings(values: Values) -> Values:
    path, _, method = values["method_path"].rpartition("/")
    settings = {"resource_path": f"/{path}", "http_method": method, **values["settings"][0]}
    return {name: values[name] for name in STAGE} | {"method_settings": [settings]}


def _budget(values: Values) -> Values:
    budget = {name: values[name] for name in ("budget_type", "cost_types", "name", "time_unit")}
    limit = {"amount": values["limit_amount"], "unit": values["limit_unit"]}
    return {
        "budget": [budget | {"budget_limit": [limit]}],
        "notifications_with_subscribers": [
            {
                "notification": [notification],
                "subscribers": [
                    {"subscription_type": kind, "address": address}
                    for kind, attribute in SUBSCRIBERS.items()
                    for address in notification[attribute]
                ],
            }
            for notification in values["notification"]
        ],
        "resource_tags": values["tags"],
    }


METRIC = ("dimensions", "metric_name", "namespace")
BUCKET = {"bucket": "BucketName"}
STAGE = {"rest_api_id": "RestApiId", "stage_name": "StageName"}
SUBSCRIBERS = {"EMAIL": "subscriber_email_addresses", "SNS": "subscriber_sns_topic_arns"}

KINDS = {
    "aws_api_gateway_account": Kind(
        "AWS::ApiGateway::Account", without=("api_key_version", "throttle_settings")
    ),
    "aws_api_gateway_api_key": Kind("AWS::ApiGateway::ApiKey"),
    "aws_api_gateway_base_path_mapping": Kind(
        "AWS::ApiGateway::BasePathMapping", names={"api_id": "RestApiId", "stage_name": "Stage"}
    ),
    "aws_api_gateway_deployment": Kind("AWS::ApiGateway::Deployment", without=("triggers",)),
    "aws_api_gateway_domain_name": Kind("AWS::ApiGateway::DomainName"),
    "aws_api_gateway_method_settings": Kind(
        "AWS::ApiGateway::Stage",
        identity=STAGE,
        without=(  # which CloudFormation leaves at API Gateway's defaults
            "method_settings.require_authorization_for_cache_control",
            "method_settings.unauthorized_cache_control_header_strategy",
        ),
        arranged=_method_settings,
    ),
    "aws_api_gateway_rest_api": Kind(
        "AWS::ApiGateway::RestApi",
        identity={"id": INLINE},
        names={"api_key_source": "ApiKeySourceType"},
    ),
    "aws_api_gateway_rest_api_policy": Kind(
        "AWS::ApiGateway::RestApi", identity={"rest_api_id": INLINE}
    ),
    "aws_api_gateway_stage": Kind(
        "AWS::ApiGateway::Stage",
        identity=STAGE,
        names={"access_log_settings": "AccessLogSetting", "xray_tracing_enabled": "TracingEnabled"},
    ),
    "aws_api_gateway_usage_plan": Kind(
        "AWS::ApiGateway::UsagePlan",
        names={"quota_settings": "Quota", "throttle_settings": "Throttle"},
    ),
    "aws_api_gateway_usage_plan_key": Kind(
        "AWS::ApiGateway::UsagePlanKey", without=("name", "value")
    ),
    "aws_appautoscaling_policy": Kind(
        "AWS::ApplicationAutoScaling::ScalingPolicy", names={"name": "PolicyName"}
    ),
    "aws_appautoscaling_target": Kind("AWS::ApplicationAutoScaling::ScalableTarget"),
    "aws_apigatewayv2_api_mapping": Kind("AWS::ApiGatewayV2::ApiMapping"),
    "aws_budgets_budget": Kind(
        "AWS::Budgets::Budget",
        without=tuple(
            f"notifications_with_subscribers.notification.{attribute}"
            for attribute in SUBSCRIBERS.values()
        ),
        arranged=_budget,
    ),
    "aws_cloudwatch_composite_alarm": Kind("AWS::CloudWatch::CompositeAlarm"),
    "aws_cloudwatch_dashboard": Kind("AWS::CloudWatch::Dashboard"),
    "aws_cloudwatch_log_group": Kind("AWS::Logs::LogGroup"),
    "aws_cloudwatch_metric_alarm": Kind(
        "AWS::CloudWatch::Alarm",
        names={"evaluate_low_sample_count_percentiles": "EvaluateLowSampleCountPercentile"},
        unset={"datapoints_to_alarm": 0, "metrics.period": 0, "period": 0},
        arranged=_alarm,
    ),
    "aws_iam_role": Kind(
        "AWS::IAM::Role",
        identity={"name": "RoleName"},
        names={"assume_role_policy": "AssumeRolePolicyDocument"},
        without=("inline_policy", "managed_policy_arns"),  # what resources of their own have made
    ),
    "aws_iam_role_policy": Kind(
        "AWS::IAM::RolePolicy",
        names={"name": "PolicyName", "policy": "PolicyDocument", "role": "RoleName"},
    ),
    "aws_iam_role_policy_attachment": Kind(
        "AWS::IAM::Role", identity={"role": "RoleName"}, names={"policy_arn": "ManagedPolicyArns"}
    ),
    "aws_lambda_alias": Kind(
        "AWS::Lambda::Alias",
        identity={"function_name": "FunctionName", "name": "Name"},
        arranged=_alias,
    ),
    "aws_lambda_function": Kind(
        "AWS::Lambda::Function",
        unset={"reserved_concurrent_executions": -1},
        without=("snap_start.optimization_status", "version", "vpc_config.vpc_id"),
        arranged=_function,
    ),
    "aws_lambda_function_event_invoke_config": Kind("AWS::Lambda::EventInvokeConfig"),
    "aws_lambda_permission": Kind(
        "AWS::Lambda::Permission",
        without=("statement_id", "statement_id_prefix"),
        arranged=_permission,
    ),
    "aws_lambda_provisioned_concurrency_config": Kind(
        "AWS::Lambda::Alias",
        identity={"function_name": "FunctionName", "qualifier": "Name"},
        within="ProvisionedConcurrencyConfig",
    ),
    "aws_s3_bucket": Kind(
        "AWS::S3::Bucket",
        identity=BUCKET,
        without=(  # what resources of their own have made
            "cors_rule",
            "grant",
            "lifecycle_rule",
            "policy",
            "server_side_encryption_configuration",
            "versioning",
        ),
    ),
    "aws_s3_bucket_cors_configuration": Kind(
        "AWS::S3::Bucket",
        identity=BUCKET,
        within="CorsConfiguration",
        names={"cors_rule.expose_headers": "ExposedHeaders", "cors_rule.max_age_seconds": "MaxAge"},
    ),
    "aws_s3_bucket_lifecycle_configuration": Kind(
        "AWS::S3::Bucket",
        identity=BUCKET,
        within="LifecycleConfiguration",
        names={
            "rule.expiration": INLINE,
            "rule.expiration.days": "ExpirationInDays",
            "rule.filter": INLINE,
            "rule.filter.and": INLINE,
            "rule.filter.and.tags": "TagFilters",
            "rule.filter.tag": "TagFilters",
        },
    ),
    "aws_s3_bucket_logging": Kind(
        "AWS::S3::Bucket",
        identity=BUCKET,
        within="LoggingConfiguration",
        names={"target_bucket": "DestinationBucketName", "target_prefix": "LogFilePrefix"},
    ),
    "aws_s3_bucket_ownership_controls": Kind(
        "AWS::S3::Bucket", identity=BUCKET, within="OwnershipControls"
    ),
    "aws_s3_bucket_policy": Kind("AWS::S3::BucketPolicy", names={"policy": "PolicyDocument"}),
    "aws_s3_bucket_public_access_block": Kind(
        "AWS::S3::Bucket", identity=BUCKET, within="PublicAccessBlockConfiguration"
    ),
    "aws_s3_bucket_server_side_encryption_configuration": Kind(
        "AWS::S3::Bucket",
        identity=BUCKET,
        within="BucketEncryption",
        names={
            "rule": "ServerSideEncryptionConfiguration",
            "rule.apply_server_side_encryption_by_default": "ServerSideEncryptionByDefault",
        },
    ),
    "aws_s3_bucket_versioning": Kind("AWS::S3::Bucket", identity=BUCKET),
    "aws_security_group": Kind(
        "AWS::EC2::SecurityGroup", names={"description": "GroupDescription", "name": "GroupName"}
    ),
    "aws_sns_topic": Kind(
        "AWS::SNS::Topic",
        without=(
            "owner",
            "policy",  # AWS's own: aws_sns_topic_policy is how to set one
            *(
                f"{protocol}_success_feedback_sample_rate"
                for protocol in ("application", "firehose", "http", "lambda", "sqs")
            ),
        ),
    ),
    "aws_sns_topic_subscription": Kind("AWS::SNS::Subscription"),
    "aws_sqs_queue": Kind(
        "AWS::SQS::Queue",
        names={
            "max_message_size": "MaximumMessageSize",
            "message_retention_seconds": "MessageRetentionPeriod",
            "receive_wait_time_seconds": "ReceiveMessageWaitTimeSeconds",
            "visibility_timeout_seconds": "VisibilityTimeout",
        },
        unset={"content_based_deduplication": False, "fifo_queue": False},
        without=("url",),
    ),
    "aws_vpc_endpoint": Kind(
        "AWS::EC2::VPCEndpoint",
        names={"policy": "PolicyDocument"},
        without=("dns_entry", "prefix_list_id", "requester_managed", "state"),
    ),
    "aws_vpc_security_group_egress_rule": Kind(
        "AWS::EC2::SecurityGroupEgress",
        names={
            "cidr_ipv4": "CidrIp",
            "prefix_list_id": "DestinationPrefixListId",
            "referenced_security_group_id": "DestinationSecurityGroupId",
            "security_group_id": "GroupId",
        },
    ),
    "aws_vpc_security_group_ingress_rule": Kind(
        "AWS::EC2::SecurityGroupIngress",
        names={
            "cidr_ipv4": "CidrIp",
            "prefix_list_id": "SourcePrefixListId",
            "referenced_security_group_id": "SourceSecurityGroupId",
            "security_group_id": "GroupId",
        },
    ),
    "aws_wafv2_web_acl_association": Kind("AWS::WAFv2::WebACLAssociation"),
}
NO_COUNTERPART = {"aws_s3_object": "CloudFormation makes buckets, and no objects in them"}
"""Types that CloudFormation lacks, each with the reason."""
ANSWERED = """
    alarm_arns arn bucket_domain_name bucket_regional_domain_name certificate_upload_date
    cloudfront_domain_name cloudfront_zone_id code_sha256 confirmation_was_authenticated
    create_date created_date dashboard_arn execution_arn hosted_zone_id id invoke_arn invoke_url
    last_modified last_updated_date network_interface_ids owner_id pending_confirmation
    qualified_arn qualified_invoke_arn region regional_domain_name regional_zone_id
    root_resource_id security_group_rule_id source_code_size subnet_configuration tags_all unique_id
"""
"""Attributes that AWS sets."""
OF_TERRAFORM = """
    confirmation_timeout_in_minutes endpoint_auto_confirms force_destroy force_detach_policies
    publish revoke_rules_on_delete skip_destroy source_code_hash timeouts
"""
"""Attributes that AWS never gets as they are."""
NO_PROPERTY = {*ANSWERED.split(), *OF_TERRAFORM.split()}
"""Attributes without a property, of all types that have no property of that name."""
