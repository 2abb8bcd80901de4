# Alarms and the dashboard.

provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

variables {
  name = "ml"
  api  = { name = "ml", stage = "prod" }
  functions = {
    data_processing = { name = "ml-data_processing", timeout = 900, runs_jobs = true }
    model_training  = { name = "ml-model_training", timeout = 900, runs_jobs = true }
    inference       = { name = "ml-inference", timeout = 30, runs_jobs = false }
  }
}

run "nothing_by_default" {
  command = plan
  module {
    source = "./modules/monitoring"
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.this) == 0 && length(aws_cloudwatch_dashboard.this) == 0
    error_message = "What costs is asked for."
  }
}

run "alarms" {
  command = plan
  module {
    source = "./modules/monitoring"
  }
  variables {
    failed_jobs_queue = { name = "ml-failed-jobs" }
    alarms            = { topic_arn = "arn:aws:sns:us-east-1:123456789012:operators", latency_ms = 500, duration_percent = 50 }
  }

  assert {
    condition = toset(keys(aws_cloudwatch_metric_alarm.this)) == toset(concat(
      [for pair in setproduct(["data_processing", "model_training", "inference"], ["errors", "throttles", "duration"]) : join("-", pair)],
      [for pair in setproduct(["data_processing", "model_training"], ["dropped-events", "event-age", "undelivered", "failed-jobs"]) : join("-", pair)],
      ["failed-jobs-queue", "api-server-errors", "api-latency"],
    ))
    error_message = "Every function and the API are watched, and jobs where there are any."
  }

  assert {
    condition = alltrue([
      for alarm in aws_cloudwatch_metric_alarm.this :
      alarm.alarm_actions == toset(["arn:aws:sns:us-east-1:123456789012:operators"]) && alarm.ok_actions == alarm.alarm_actions && alarm.treat_missing_data == "notBreaching"
    ])
    error_message = "The topic is told of beginning and end, and silence is no alarm."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["inference-duration"].threshold == 15000 && aws_cloudwatch_metric_alarm.this["inference-duration"].statistic == "Maximum"
    error_message = "Half of 30 seconds are 15,000 ms."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["api-latency"].extended_statistic == "p99" && aws_cloudwatch_metric_alarm.this["api-latency"].statistic == null && aws_cloudwatch_metric_alarm.this["api-latency"].threshold == 500
    error_message = "The latency of the slowest hundredth is watched."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["api-latency"].evaluation_periods == 3 && aws_cloudwatch_metric_alarm.this["api-latency"].evaluate_low_sample_count_percentiles == "ignore"
    error_message = "One cold start is no alarm."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["failed-jobs-queue"].metric_name == "NumberOfMessagesSent" && aws_cloudwatch_metric_alarm.this["failed-jobs-queue"].statistic == "Sum"
    error_message = "The alarm ends while a message still lies in the queue, so that the next one is told as well."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["model_training-failed-jobs"].namespace == "ServerlessML" && aws_cloudwatch_metric_alarm.this["model_training-failed-jobs"].dimensions == tomap({ FunctionName = "ml-model_training" })
    error_message = "Failed jobs are the functions' own metric."
  }
}

run "dashboard" {
  command = plan
  module {
    source = "./modules/monitoring"
  }
  variables {
    failed_jobs_queue = { name = "ml-failed-jobs" }
    dashboard         = true
  }

  assert {
    condition     = output.dashboard_url == "https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#dashboards/dashboard/ml-us-east-1"
    error_message = "The console shows it."
  }

  assert {
    condition     = one(aws_cloudwatch_dashboard.this).dashboard_name == "ml-us-east-1"
    error_message = "Dashboards are named by region: CloudWatch shows those of all regions together."
  }

  assert {
    condition     = max([for widget in jsondecode(one(aws_cloudwatch_dashboard.this).dashboard_body).widgets : widget.y + widget.height]...) <= 20
    error_message = "The whole service fits on one screen."
  }

  assert {
    condition     = length(distinct([for widget in jsondecode(one(aws_cloudwatch_dashboard.this).dashboard_body).widgets : "${widget.x} ${widget.y}"])) == 16
    error_message = "No graph lies on another."
  }

  assert {
    condition = alltrue([
      for metric in flatten([for widget in jsondecode(one(aws_cloudwatch_dashboard.this).dashboard_body).widgets : [for metric in widget.properties.metrics : "${metric[0]}/${metric[1]}"]]) : contains([
        "AWS/ApiGateway/Count", "AWS/ApiGateway/4XXError", "AWS/ApiGateway/5XXError", "AWS/ApiGateway/Latency",
        "AWS/Lambda/Invocations", "AWS/Lambda/Errors", "AWS/Lambda/Throttles", "AWS/Lambda/Duration", "AWS/Lambda/ConcurrentExecutions",
        "AWS/SQS/ApproximateNumberOfMessagesVisible",
        "ServerlessML/Predictions", "ServerlessML/ColdStarts", "ServerlessML/ModelLoadTime", "ServerlessML/ModelCacheHits",
        "ServerlessML/ClientErrors", "ServerlessML/ServerErrors", "ServerlessML/JobsSucceeded", "ServerlessML/JobsFailed", "ServerlessML/JobDuration",
      ], metric)
    ])
    error_message = "Graphs show metrics that exist."
  }
}

run "console_of_another_partition" {
  command = plan
  module {
    source = "./modules/monitoring"
  }
  variables {
    dashboard = true
  }
  override_data {
    target = data.aws_partition.current
    values = { partition = "aws-us-gov" }
  }

  assert {
    condition     = startswith(output.dashboard_url, "https://us-east-1.console.amazonaws-us-gov.com/cloudwatch/")
    error_message = "Each partition has a console of its own."
  }
}

run "one_cold_start_is_no_alarm" {
  command = plan
  module {
    source = "./modules/monitoring"
  }
  variables {
    alarms = { topic_arn = "arn:aws:sns:us-east-1:123456789012:operators", period_seconds = 60, datapoints_to_alarm = 1 }
  }

  assert {
    condition     = { for key, alarm in aws_cloudwatch_metric_alarm.this : key => [alarm.evaluation_periods, alarm.datapoints_to_alarm] if contains(["api-latency", "inference-errors"], key) } == { api-latency = [3, 3], inference-errors = [1, 1] }
    error_message = "The latency is looked at for three periods, whatever the others need."
  }

  assert {
    condition     = startswith(aws_cloudwatch_metric_alarm.this["api-latency"].alarm_description, "For 3 minutes, ")
    error_message = "The text follows the periods."
  }
}

run "one_alarm_for_all" {
  command = plan
  module {
    source = "./modules/monitoring"
  }
  variables {
    failed_jobs_queue = { name = "ml-failed-jobs" }
    alarms = {
      topic_arn           = "arn:aws:sns:us-east-1:123456789012:operators"
      more_topic_arns     = ["arn:aws:sns:us-east-1:123456789012:pagers"]
      error_percent       = 5
      period_seconds      = 60
      evaluation_periods  = 5
      datapoints_to_alarm = 3
      composite           = true
    }
  }

  assert {
    condition     = toset(keys(aws_cloudwatch_metric_alarm.error_percent)) == toset(["data_processing-error-percent", "model_training-error-percent", "inference-error-percent"])
    error_message = "The share of errors is watched for every function."
  }

  assert {
    condition     = alltrue([for alarm in merge(aws_cloudwatch_metric_alarm.this, aws_cloudwatch_metric_alarm.error_percent) : try(length(alarm.alarm_actions), 0) == 0 && [alarm.evaluation_periods, alarm.datapoints_to_alarm] == [5, 3]])
    error_message = "Alarms have M of N, and leave it to one to tell."
  }

  assert {
    condition     = one(aws_cloudwatch_composite_alarm.this).alarm_actions == toset(["arn:aws:sns:us-east-1:123456789012:operators", "arn:aws:sns:us-east-1:123456789012:pagers"])
    error_message = "It tells every topic."
  }

  assert {
    condition     = alltrue([for name in ["ml-inference-errors", "ml-inference-error-percent", "ml-failed-jobs-queue", "ml-api-latency"] : strcontains(one(aws_cloudwatch_composite_alarm.this).alarm_rule, "ALARM(\"${name}\")")])
    error_message = "It is on while any other is."
  }
}
