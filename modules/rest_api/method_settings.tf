# What holds for all methods, and for those with limits of their own. Those do not inherit the rest, so both say all of it.
locals {
  stage_settings = {
    metrics_enabled    = var.api.detailed_metrics
    logging_level      = var.api.execution_logs
    data_trace_enabled = false # payloads are people's data
  }

  routes = { for operation in local.operations : "${upper(operation.method)} ${operation.path}" => "${replace(operation.path, "/", "~1")}/${upper(operation.method)}" }
}

resource "aws_api_gateway_method_settings" "all" {
  # checkov:skip=CKV_AWS_225:Answers are of the moment: jobs, aliases and predictions of the live model.

  rest_api_id = aws_api_gateway_rest_api.this.id
  stage_name  = aws_api_gateway_stage.this.stage_name
  method_path = "*/*"

  settings {
    metrics_enabled        = local.stage_settings.metrics_enabled
    logging_level          = local.stage_settings.logging_level
    data_trace_enabled     = local.stage_settings.data_trace_enabled
    throttling_rate_limit  = var.api.throttling.rate_limit
    throttling_burst_limit = var.api.throttling.burst_limit
  }
}

resource "aws_api_gateway_method_settings" "route" {
  # checkov:skip=CKV_AWS_225:Answers are of the moment: jobs, aliases and predictions of the live model.
  for_each = var.api.throttling.routes

  rest_api_id = aws_api_gateway_rest_api.this.id
  stage_name  = aws_api_gateway_stage.this.stage_name
  method_path = lookup(local.routes, each.key, each.key)

  settings {
    metrics_enabled        = local.stage_settings.metrics_enabled
    logging_level          = local.stage_settings.logging_level
    data_trace_enabled     = local.stage_settings.data_trace_enabled
    throttling_rate_limit  = each.value.rate_limit
    throttling_burst_limit = each.value.burst_limit
  }

  lifecycle {
    precondition {
      condition     = contains(keys(local.routes), each.key)
      error_message = "api.throttling.routes has ${each.key}, which the API does not have. It has: ${join(", ", keys(local.routes))}."
    }
  }

  # Two changes of one stage at once are refused.
  depends_on = [aws_api_gateway_method_settings.all]
}
