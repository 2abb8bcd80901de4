resource "aws_api_gateway_rest_api" "this" {
  name = var.name
  body = local.body
  tags = var.tags

  endpoint_configuration {
    types = local.endpoint_types
  }
}

resource "aws_api_gateway_deployment" "this" {
  rest_api_id = aws_api_gateway_rest_api.this.id

  triggers = {
    redeployment = sha256(jsonencode([local.body, local.endpoint_types]))
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_api_gateway_stage" "this" {
  rest_api_id   = aws_api_gateway_rest_api.this.id
  deployment_id = aws_api_gateway_deployment.this.id
  stage_name    = var.stage_name
  tags          = var.tags
}

resource "aws_api_gateway_method_settings" "all" {
  rest_api_id = aws_api_gateway_rest_api.this.id
  stage_name  = aws_api_gateway_stage.this.stage_name
  method_path = "*/*"

  settings {
    throttling_rate_limit  = var.throttling.rate_limit
    throttling_burst_limit = var.throttling.burst_limit
  }
}

# One per operation: the API may invoke a function for the routes that it serves, and for nothing else.
resource "aws_lambda_permission" "operation" {
  for_each = local.operations

  statement_id  = each.key
  action        = "lambda:InvokeFunction"
  principal     = "apigateway.amazonaws.com"
  function_name = var.functions[each.value.tag].name
  qualifier     = var.functions[each.value.tag].alias
  source_arn    = "${aws_api_gateway_rest_api.this.execution_arn}/${var.stage_name}/${upper(each.value.method)}${replace(each.value.path, "/\\{[^}]*\\}/", "*")}"
}
