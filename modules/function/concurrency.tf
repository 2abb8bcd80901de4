# Executions that are kept warm: a fixed number, or one that follows their use.
locals {
  is_scaled = var.settings.max_provisioned_concurrency != null
}

# Keeps executions warm from the first number to the last: with it goes whatever number scaling has set, and nothing else ends it.
resource "aws_lambda_provisioned_concurrency_config" "this" {
  count = var.settings.provisioned_concurrency == null ? 0 : 1

  function_name                     = aws_lambda_function.this.function_name
  qualifier                         = aws_lambda_alias.this.name
  provisioned_concurrent_executions = var.settings.provisioned_concurrency

  lifecycle {
    ignore_changes = [provisioned_concurrent_executions]
  }
}

# Sets a fixed number on the same executions, and leaves them as they are when it goes.
resource "aws_lambda_provisioned_concurrency_config" "fixed" {
  count = var.settings.provisioned_concurrency == null || local.is_scaled ? 0 : 1

  function_name                     = aws_lambda_provisioned_concurrency_config.this[0].function_name
  qualifier                         = aws_lambda_provisioned_concurrency_config.this[0].qualifier
  provisioned_concurrent_executions = var.settings.provisioned_concurrency
  skip_destroy                      = true
}

# Scaling sets the number from the least on, and Terraform leaves it alone.
resource "aws_appautoscaling_target" "this" {
  count = local.is_scaled ? 1 : 0

  service_namespace  = "lambda"
  scalable_dimension = "lambda:function:ProvisionedConcurrency"
  resource_id        = "function:${aws_lambda_function.this.function_name}:${aws_lambda_alias.this.name}"
  min_capacity       = var.settings.provisioned_concurrency
  max_capacity       = var.settings.max_provisioned_concurrency
  tags               = var.tags

  depends_on = [aws_lambda_provisioned_concurrency_config.this]
}

resource "aws_appautoscaling_policy" "this" {
  count = local.is_scaled ? 1 : 0

  name               = "${var.name}-provisioned-concurrency"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this[0].service_namespace
  scalable_dimension = aws_appautoscaling_target.this[0].scalable_dimension
  resource_id        = aws_appautoscaling_target.this[0].resource_id

  # More are kept warm after some minutes at this use: the rest is room for what comes meanwhile.
  # https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html
  target_tracking_scaling_policy_configuration {
    target_value = 0.7

    predefined_metric_specification {
      predefined_metric_type = "LambdaProvisionedConcurrencyUtilization"
    }
  }
}
