resource "aws_lambda_function_event_invoke_config" "this" {
  function_name                = aws_lambda_function.this.function_name
  qualifier                    = aws_lambda_alias.this.name
  maximum_retry_attempts       = 2
  maximum_event_age_in_seconds = 6 * 60 * 60

  dynamic "destination_config" {
    for_each = var.on_failure[*]

    content {
      on_failure {
        destination = destination_config.value.destination_arn
      }
    }
  }
}
