resource "aws_api_gateway_rest_api" "this" {
  # checkov:skip=CKV_AWS_237:A new API has a new id, so that callers move in any case. Nothing that can be changed replaces it.

  name                         = var.name
  body                         = local.body
  binary_media_types           = local.document["x-amazon-apigateway-binary-media-types"]
  disable_execute_api_endpoint = var.api.domain != null
  tags                         = var.tags

  endpoint_configuration {
    types            = [local.endpoint_type]
    vpc_endpoint_ids = local.is_private ? local.vpc_endpoint_ids : null
    # A private API has no other one, which the provider wants to be told where a public API becomes private.
    ip_address_type = local.is_private ? "dualstack" : null
  }
}

resource "aws_api_gateway_deployment" "this" {
  rest_api_id = aws_api_gateway_rest_api.this.id

  triggers = {
    redeployment = sha256(jsonencode([local.body, local.endpoint_type, local.vpc_endpoint_ids, local.access_rules, var.api.domain != null]))
  }

  lifecycle {
    create_before_destroy = true
  }

  depends_on = [aws_api_gateway_rest_api_policy.this]
}

resource "aws_api_gateway_stage" "this" {
  # checkov:skip=CKV_AWS_73:X-Ray is the caller's choice, by var.tracing.
  # checkov:skip=CKV_AWS_120:Answers are of the moment: jobs, aliases and predictions of the live model.
  # checkov:skip=CKV2_AWS_4:Logs need a role of the account, which a new one lacks. api.execution_logs asks for them.
  # checkov:skip=CKV2_AWS_51:The functions know the API by permissions that name it, not by a certificate.
  # checkov:skip=CKV2_AWS_77:The web ACL is the caller's, by api.web_acl.

  rest_api_id          = aws_api_gateway_rest_api.this.id
  deployment_id        = aws_api_gateway_deployment.this.id
  stage_name           = var.api.stage_name
  xray_tracing_enabled = var.tracing
  tags                 = var.tags

  dynamic "access_log_settings" {
    for_each = aws_cloudwatch_log_group.access

    content {
      destination_arn = access_log_settings.value.arn
      format          = local.access_log_format
    }
  }

  # A stage with another name is there before the old one goes, which stays as long as a domain is mapped to it.
  lifecycle {
    create_before_destroy = true
  }

  depends_on = [aws_cloudwatch_log_group.execution]
}

# One per operation: the API may invoke a function for the routes that it serves, and for nothing else.
resource "aws_lambda_permission" "operation" {
  for_each = local.operations

  statement_id  = each.key
  action        = "lambda:InvokeFunction"
  principal     = "apigateway.amazonaws.com"
  function_name = var.functions[each.value.tag].name
  qualifier     = var.functions[each.value.tag].alias
  source_arn    = "${aws_api_gateway_rest_api.this.execution_arn}/${var.api.stage_name}/${local.method_paths[each.key]}"
}
