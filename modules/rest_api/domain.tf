# A name of one's own, which is then the only one.
resource "aws_api_gateway_domain_name" "this" {
  # checkov:skip=CKV_AWS_206:The policy is the caller's, by api.domain.tls_policy, which has TLS 1.2 or newer.

  count = var.api.domain == null ? 0 : 1

  domain_name              = var.api.domain.name
  regional_certificate_arn = var.api.domain.certificate_arn
  security_policy          = var.api.domain.tls_policy
  tags                     = var.tags

  ownership_verification_certificate_arn = var.api.domain.ownership_verification_certificate_arn

  endpoint_configuration {
    types = ["REGIONAL"]
  }

  dynamic "mutual_tls_authentication" {
    for_each = var.api.domain.mutual_tls[*]

    content {
      truststore_uri     = mutual_tls_authentication.value.truststore_uri
      truststore_version = mutual_tls_authentication.value.truststore_version
    }
  }
}

locals {
  base_path_levels = var.api.domain == null ? 0 : length(split("/", coalesce(var.api.domain.base_path, "-")))
}

# A stage is mapped once it has its limits, its permissions and its web ACL, as one that is renamed is made anew.
#
# One level or none: what is mapped so stays so, as its successor would claim the path before it is free.
resource "aws_api_gateway_base_path_mapping" "this" {
  count = local.base_path_levels == 1 ? 1 : 0

  api_id      = aws_api_gateway_rest_api.this.id
  stage_name  = aws_api_gateway_stage.this.stage_name
  domain_name = aws_api_gateway_domain_name.this[0].domain_name
  base_path   = var.api.domain.base_path

  depends_on = [
    aws_api_gateway_method_settings.all,
    aws_api_gateway_method_settings.route,
    aws_api_gateway_usage_plan.this,
    aws_lambda_permission.operation,
    aws_wafv2_web_acl_association.this,
  ]
}

# Several levels, which the first version of API Gateway's own API refuses:
# https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-mappings.html
resource "aws_apigatewayv2_api_mapping" "this" {
  count = local.base_path_levels > 1 ? 1 : 0

  api_id          = aws_api_gateway_rest_api.this.id
  stage           = aws_api_gateway_stage.this.stage_name
  domain_name     = aws_api_gateway_domain_name.this[0].domain_name
  api_mapping_key = var.api.domain.base_path

  depends_on = [
    aws_api_gateway_method_settings.all,
    aws_api_gateway_method_settings.route,
    aws_api_gateway_usage_plan.this,
    aws_lambda_permission.operation,
    aws_wafv2_web_acl_association.this,
  ]
}
