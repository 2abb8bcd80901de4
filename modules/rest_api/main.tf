resource "aws_api_gateway_rest_api" "this" {
  name                         = var.name
  body                         = local.body
  disable_execute_api_endpoint = var.api.domain != null
  tags                         = var.tags

  endpoint_configuration {
    types            = [local.endpoint_type]
    vpc_endpoint_ids = local.is_private ? local.vpc_endpoint_ids : null
  }
}

resource "aws_api_gateway_deployment" "this" {
  rest_api_id = aws_api_gateway_rest_api.this.id

  triggers = {
    redeployment = sha256(jsonencode([local.body, local.endpoint_type, local.vpc_endpoint_ids, var.api.domain != null]))
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_api_gateway_stage" "this" {
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
