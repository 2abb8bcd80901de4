"""What moto 5.2.5 gets wrong or lacks, mended: each patch with the reason it is here.

tests/unit/local/moto_patches shows for each that stock moto still needs it.
"""

from local.moto_patches import (
    api_gateway,
    auto_scaling,
    budgets,
    cloudwatch,
    core,
    ec2,
    lambda_functions,
    s3,
)
from local.moto_patches.patch import Patch


def all_patches(handler: lambda_functions.InvokeHandler) -> list[Patch]:
    """Patches of moto as a whole cloud, whose functions are run by `handler`."""
    return [
        core.keep_no_instances(),
        s3.close_silently(),
        lambda_functions.invoke(handler),
        *api_patches(),
    ]


def api_patches() -> list[Patch]:
    """Patches of moto as the APIs that Terraform calls, where no function is run."""
    return [
        api_gateway.remember_openapi(),
        api_gateway.refuse_documents(),
        api_gateway.mock_integrations(),
        api_gateway.map_rest_apis(),
        api_gateway.change_api_mappings(),
        api_gateway.keep_mapped_stages(),
        api_gateway.escape_api_policies(),
        api_gateway.name_binary_types_in_paths(),
        api_gateway.remember_deployment(),
        *auto_scaling.keep_tags(),
        budgets.list_subscribers(),
        *budgets.keep_tags(),
        cloudwatch.put_composite_alarms(),
        cloudwatch.keep_what_composite_alarms_watch(),
        ec2.keep_rule_descriptions(),
        lambda_functions.provisioned_concurrency(),
        lambda_functions.replace_event_invoke_config(),
        *lambda_functions.keep_configuration(),
        lambda_functions.tell_of_stopped_functions(),
        s3.bucket_policy(),
        s3.list_versions_while_others_delete(),
        s3.forget_delete_markers(),
        s3.delete_what_was_meant(),
        s3.put_one_at_a_time(),
    ]
