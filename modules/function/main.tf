# Made before the function, which would otherwise make one that is never deleted.
resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
  tags              = var.tags
}

resource "aws_lambda_function" "this" {
  function_name    = var.name
  description      = var.description
  role             = var.role_arn
  runtime          = var.runtime
  handler          = var.handler
  architectures    = [var.architecture]
  s3_bucket        = var.code.bucket
  s3_key           = var.code.key
  source_code_hash = var.code.sha256
  publish          = true
  memory_size      = var.memory_size
  timeout          = var.timeout
  tags             = var.tags

  ephemeral_storage {
    size = var.ephemeral_storage
  }

  environment {
    variables = var.environment
  }

  depends_on = [aws_cloudwatch_log_group.this]
}

resource "aws_lambda_alias" "this" {
  name             = var.alias
  description      = "The version that callers reach."
  function_name    = aws_lambda_function.this.function_name
  function_version = aws_lambda_function.this.version
}

resource "aws_lambda_function_event_invoke_config" "this" {
  function_name                = aws_lambda_function.this.function_name
  qualifier                    = aws_lambda_alias.this.name
  maximum_retry_attempts       = 2
  maximum_event_age_in_seconds = 6 * 60 * 60
}
