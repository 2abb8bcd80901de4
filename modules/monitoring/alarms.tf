# Each says in its description what to look at first. All tell the topics when they begin and when they end, or one does for all.
locals {
  topic_arns = concat(var.alarms[*].topic_arn, try(var.alarms.more_topic_arns, []))
  is_one     = try(var.alarms.composite, false)
  told       = local.is_one ? [] : local.topic_arns

  # One cold start is no alarm.
  latency_periods    = max(try(var.alarms.evaluation_periods, 0), 3)
  latency_datapoints = try(max(var.alarms.datapoints_to_alarm, 3), null)

  watched = {
    errors            = { namespace = "AWS/Lambda", metric = "Errors", statistic = "Sum" }
    throttles         = { namespace = "AWS/Lambda", metric = "Throttles", statistic = "Sum" }
    duration          = { namespace = "AWS/Lambda", metric = "Duration", statistic = "Maximum" }
    dropped-events    = { namespace = "AWS/Lambda", metric = "AsyncEventsDropped", statistic = "Sum" }
    event-age         = { namespace = "AWS/Lambda", metric = "AsyncEventAge", statistic = "Maximum" }
    undelivered       = { namespace = "AWS/Lambda", metric = "DestinationDeliveryFailures", statistic = "Sum" }
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
        dropped-events = {
          when        = function.runs_jobs
          threshold   = var.alarms.dropped_events
          description = "Lambda has dropped events of ${function.name} that it could not run. The queue of failed jobs has them, where there is one."
        }
        event-age = {
          when        = function.runs_jobs && var.alarms.event_age_seconds != null
          threshold   = var.alarms.event_age_seconds == null ? 0 : var.alarms.event_age_seconds * 1000
          description = "Jobs of ${function.name} begin late: it is throttled, or fails and is tried again. Look at its errors and throttles."
        }
        undelivered = {
          when        = function.runs_jobs && var.failed_jobs_queue != null
          threshold   = var.alarms.undelivered_events
          description = "Lambda could not send a failed event of ${function.name} to the queue of failed jobs: look at the permissions of its role and of the queue's key."
        }
        failed-jobs = {
          when        = function.runs_jobs
          threshold   = var.alarms.failed_jobs
          description = "Jobs of ${function.name} have failed. Their documents say why: GET /${key}/{job_id}, or filter message = \"job finished\" and status = \"FAILED\" in its log."
        }
      } : "${key}-${watched}" => merge(alarm, local.watched[watched], { dimensions = { FunctionName = function.name } })
      if try(alarm.when, true)
    } if var.alarms != null
  ]

  queue_alarms = [
    for queue in var.failed_jobs_queue[*] : {
      failed-jobs-queue = merge(local.watched["failed-jobs-queue"], {
        threshold   = 1
        description = "Lambda has given up the event of a job. The queue ${queue.name} keeps it, with the reason."
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
        description = "For ${local.latency_periods * alarms.period_seconds / 60} minutes, one request in a hundred took ${alarms.latency_ms} ms or more. Look for cold starts and for models being loaded: provisioned_concurrency ends the first, memory_size shortens both."
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
  period              = var.alarms.period_seconds
  evaluation_periods  = local.is_percentile[each.key] ? local.latency_periods : var.alarms.evaluation_periods
  datapoints_to_alarm = local.is_percentile[each.key] ? local.latency_datapoints : var.alarms.datapoints_to_alarm

  # Of a hundred requests, one cold start is the slowest hundredth: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/percentiles-with-low-samples.html
  evaluate_low_sample_count_percentiles = local.is_percentile[each.key] ? "ignore" : null

  treat_missing_data = "notBreaching" # nobody asked
  alarm_actions      = local.told
  ok_actions         = local.told
  tags               = var.tags

  # CloudWatch keeps an alarm that the composite one names. So that one changes first.
  lifecycle {
    create_before_destroy = true
  }
}

# A share, where one error among thousands is nobody's concern.
resource "aws_cloudwatch_metric_alarm" "error_percent" {
  for_each = { for key, function in var.functions : "${key}-error-percent" => function if try(var.alarms.error_percent, null) != null }

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "Of the invocations of ${each.value.name}, ${var.alarms.error_percent}% or more failed without an answer. Its log has the reasons: filter level = \"ERROR\"."
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = var.alarms.error_percent
  evaluation_periods  = var.alarms.evaluation_periods
  datapoints_to_alarm = var.alarms.datapoints_to_alarm
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.told
  ok_actions          = local.told
  tags                = var.tags

  metric_query {
    id          = "percent"
    expression  = "100 * errors / invocations"
    label       = "Percent of invocations that failed"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = { errors = "Errors", invocations = "Invocations" }

    content {
      id = metric_query.key

      metric {
        namespace   = "AWS/Lambda"
        metric_name = metric_query.value
        dimensions  = { FunctionName = each.value.name }
        period      = var.alarms.period_seconds
        stat        = "Sum"
      }
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}

locals {
  every_alarm = merge(aws_cloudwatch_metric_alarm.this, aws_cloudwatch_metric_alarm.error_percent)
}

# On while any of the others is, so that an outage is told once.
resource "aws_cloudwatch_composite_alarm" "this" {
  count = local.is_one ? 1 : 0

  alarm_name        = "${var.name}-any"
  alarm_description = "Something is wrong with ${var.name}: its other alarms say what."
  alarm_rule        = join(" OR ", [for alarm in local.every_alarm : "ALARM(\"${alarm.alarm_name}\")"])
  alarm_actions     = local.topic_arns
  ok_actions        = local.topic_arns
  tags              = var.tags
}
