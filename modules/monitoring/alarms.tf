# Each says in its description what to look at first. All tell the topic when they begin and when they end.
locals {
  watched = {
    errors            = { namespace = "AWS/Lambda", metric = "Errors", statistic = "Sum" }
    throttles         = { namespace = "AWS/Lambda", metric = "Throttles", statistic = "Sum" }
    duration          = { namespace = "AWS/Lambda", metric = "Duration", statistic = "Maximum" }
    failed-jobs       = { namespace = local.own_namespace, metric = "JobsFailed", statistic = "Sum" }
    failed-jobs-queue = { namespace = "AWS/SQS", metric = "NumberOfMessagesSent", statistic = "Sum" } # what lies there is old news
    api-server-errors = { namespace = "AWS/ApiGateway", metric = "5XXError", statistic = "Sum" }
    api-latency       = { namespace = "AWS/ApiGateway", metric = "Latency", statistic = "p99" }
  }

  function_alarms = [
    for key, function in var.functions : {
      for watched, alarm in {
        errors = {
          threshold   = var.alarms.errors
          description = "${function.name} failed without an answer. Its log has the reason: filter level = \"ERROR\", or look for a timeout or for memory that ran out."
        }
        throttles = {
          threshold   = var.alarms.throttles
          description = "Invocations of ${function.name} were refused: it is at its reserved concurrency, or the account at its limit."
        }
        duration = {
          threshold   = function.timeout * 1000 * var.alarms.duration_percent / 100
          description = "${function.name} took ${var.alarms.duration_percent}% of its timeout of ${function.timeout} s. Raise its timeout or memory_size, or send less at once."
        }
        failed-jobs = {
          threshold   = var.alarms.failed_jobs
          description = "Jobs of ${function.name} have failed. Their documents say why: GET /${key}/{job_id}, or filter message = \"job finished\" and status = \"FAILED\" in its log."
        }
      } : "${key}-${watched}" => merge(alarm, local.watched[watched], { dimensions = { FunctionName = function.name } })
      if watched != "failed-jobs" || function.runs_jobs
    } if var.alarms != null
  ]

  queue_alarms = [
    for queue in var.failed_jobs_queue[*] : {
      failed-jobs-queue = merge(local.watched["failed-jobs-queue"], {
        threshold   = 1
        description = "Lambda has given up the event of a job in these five minutes. The queue ${queue.name} keeps it, with the reason."
        dimensions  = { QueueName = queue.name }
      })
    } if var.alarms != null
  ]

  api_alarms = [
    for alarms in var.alarms[*] : {
      api-server-errors = merge(local.watched["api-server-errors"], {
        threshold   = alarms.server_errors
        description = "The API answered with 5XX. The access log names the route, the function's log the reason, both by request id."
        dimensions  = local.api_dimensions
      })
      api-latency = merge(local.watched["api-latency"], {
        threshold   = alarms.latency_ms
        description = "For a quarter of an hour, one request in a hundred took ${alarms.latency_ms} ms or more. Look for cold starts and for models being loaded: provisioned_concurrency ends the first, memory_size shortens both."
        dimensions  = local.api_dimensions
      })
    }
  ]
}

locals {
  alarms        = merge(concat(local.function_alarms, local.queue_alarms, local.api_alarms)...)
  is_percentile = { for key, alarm in local.alarms : key => startswith(alarm.statistic, "p") }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  statistic           = local.is_percentile[each.key] ? null : each.value.statistic
  extended_statistic  = local.is_percentile[each.key] ? each.value.statistic : null
  dimensions          = each.value.dimensions
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = each.value.threshold
  period              = 300
  evaluation_periods  = local.is_percentile[each.key] ? 3 : 1

  # Of a hundred requests, one cold start is the slowest hundredth: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/percentiles-with-low-samples.html
  evaluate_low_sample_count_percentiles = local.is_percentile[each.key] ? "ignore" : null

  treat_missing_data = "notBreaching" # nobody asked
  alarm_actions      = [var.alarms.topic_arn]
  ok_actions         = [var.alarms.topic_arn]
  tags               = var.tags
}
