# Both kinds of logs need the account's role, which modules/account_logging sets. Each group goes after what writes to it has changed, which
# is what create_before_destroy does: API Gateway would make it again.
locals {
  keeps_access_logs    = var.api.access_logs
  keeps_execution_logs = var.api.execution_logs != "OFF"

  access_log_format = jsonencode({
    request_id          = "$context.requestId"
    extended_request_id = "$context.extendedRequestId"
    time                = "$context.requestTime"
    source_ip           = "$context.identity.sourceIp"
    user_agent          = "$context.identity.userAgent"
    caller              = "$context.identity.userArn"
    api_key_id          = "$context.identity.apiKeyId"
    subject             = "$context.authorizer.claims.sub"
    method              = "$context.httpMethod"
    path                = "$context.path"
    route               = "$context.resourcePath"
    status              = "$context.status"
    response_bytes      = "$context.responseLength"
    latency_ms          = "$context.responseLatency"
    integration_ms      = "$context.integrationLatency"
    error_type          = "$context.error.responseType"
    error               = "$context.error.message"
    trace_id            = "$context.xrayTraceId"
  })
}

resource "aws_cloudwatch_log_group" "access" {
  # checkov:skip=CKV_AWS_338:How long logs are kept is the caller's choice, by var.logs.

  count = local.keeps_access_logs ? 1 : 0

  name              = "/aws/apigateway/${var.name}/access"
  retention_in_days = var.logs.retention_days
  kms_key_id        = var.logs.kms_key_arn
  skip_destroy      = var.logs.outlast_destroy
  tags              = var.tags

  lifecycle {
    create_before_destroy = true
  }
}

# Made before the stage writes to it: API Gateway would make one of this name that is never deleted.
resource "aws_cloudwatch_log_group" "execution" {
  # checkov:skip=CKV_AWS_338:How long logs are kept is the caller's choice, by var.logs.

  count = local.keeps_execution_logs ? 1 : 0

  name              = "API-Gateway-Execution-Logs_${aws_api_gateway_rest_api.this.id}/${var.api.stage_name}"
  retention_in_days = var.logs.retention_days
  kms_key_id        = var.logs.kms_key_arn
  skip_destroy      = var.logs.outlast_destroy
  tags              = var.tags

  lifecycle {
    create_before_destroy = true
  }
}
