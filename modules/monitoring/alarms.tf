# Each says in its description what to look at first. All tell the topic when they begin and when they end.
locals {
  function_alarms = var.alarms == null ? {} : merge([
    for key, function in var.functions : {
      "${key}-errors" = {
        description = "${function.name} failed without an answer. Its log has the reason: filter level = \"ERROR\", or look for a timeout or for memory that ran out."
        namespace   = "AWS/Lambda"
        metric      = "Errors"
        statistic   = "Sum"
        dimensions  = { FunctionName = function.name }
        threshold   = var.alarms.errors
      }
      "${key}-throttles" = {
        description = "Invocations of ${function.name} were refused: it is at its reserved concurrency, or the account at its limit."
        namespace   = "AWS/Lambda"
        metric      = "Throttles"
        statistic   = "Sum"
        dimensions  = { FunctionName = function.name }
        threshold   = var.alarms.throttles
      }
      "${key}-duration" = {
        description = "${function.name} took ${var.alarms.duration_percent}% of its timeout of ${function.timeout} s. Raise its timeout or memory_size, or send less at once."
        namespace   = "AWS/Lambda"
        metric      = "Duration"
        statistic   = "Maximum"
        dimensions  = { FunctionName = function.name }
        threshold   = function.timeout * 1000 * var.alarms.duration_percent / 100
      }
    }
  ]...)

  job_alarms = var.alarms == null ? {} : {
    for key, function in local.job_functions : "${key}-failed-jobs" => {
      description = "Jobs of ${function.name} have failed. Their documents say why: GET /${key}/{job_id}, or filter message = \"job finished\" and status = \"FAILED\" in its log."
      namespace   = local.own_namespace
      metric      = "JobsFailed"
      statistic   = "Sum"
      dimensions  = { FunctionName = function.name }
      threshold   = var.alarms.failed_jobs
    }
  }

  queue_alarms = var.alarms == null ? {} : {
    for queue in var.failed_jobs_queue[*] : "failed-jobs-queue" => {
      description = "Lambda has given up the event of a job. The queue ${queue.name} keeps it, with the reason."
      namespace   = "AWS/SQS"
      metric      = "ApproximateNumberOfMessagesVisible"
      statistic   = "Maximum"
      dimensions  = { QueueName = queue.name }
      threshold   = 1
    }
  }

  api_alarms = var.alarms == null ? {} : {
    "api-server-errors" = {
      description = "The API answered with 5XX. The access log names the route, the function's log the reason, both by request id."
      namespace   = "AWS/ApiGateway"
      metric      = "5XXError"
      statistic   = "Sum"
      dimensions  = local.api_dimensions
      threshold   = var.alarms.server_errors
    }
    "api-latency" = {
      description = "One request in a hundred took ${var.alarms.latency_ms} ms or more. Look for cold starts and for models being loaded: provisioned_concurrency ends the first, memory_size shortens both."
      namespace   = "AWS/ApiGateway"
      metric      = "Latency"
      statistic   = "p99"
      dimensions  = local.api_dimensions
      threshold   = var.alarms.latency_ms
    }
  }

  alarms = merge(local.function_alarms, local.job_alarms, local.queue_alarms, local.api_alarms)
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  statistic           = startswith(each.value.statistic, "p") ? null : each.value.statistic
  extended_statistic  = startswith(each.value.statistic, "p") ? each.value.statistic : null
  dimensions          = each.value.dimensions
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = each.value.threshold
  period              = 300
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching" # nobody asked
  alarm_actions       = [var.alarms.topic_arn]
  ok_actions          = [var.alarms.topic_arn]
  tags                = var.tags
}
