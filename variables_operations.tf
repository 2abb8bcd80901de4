variable "logs" {
  description = "Level, retention and encryption of the logs of the functions and the API."
  type = object({
    # Log level of the functions: DEBUG, INFO, WARNING, ERROR or CRITICAL.
    level = optional(string, "INFO")
    # Retention of the logs in days, one of the values that CloudWatch offers. 0 keeps them for ever.
    retention_days = optional(number, 30)
    # ARN of the KMS key that encrypts the logs. Its key policy must let CloudWatch Logs use it. Null: CloudWatch's own key.
    kms_key_arn = optional(string)
    # Whether `terraform destroy` keeps the logs. A later instance of the same name then has to import the log groups.
    outlast_destroy = optional(bool, false)
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], var.logs.level)
    error_message = "logs.level is ${jsonencode(var.logs.level)}: it has to be DEBUG, INFO, WARNING, ERROR or CRITICAL."
  }

  validation {
    condition     = contains([0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.logs.retention_days)
    error_message = "logs.retention_days is ${jsonencode(var.logs.retention_days)}: CloudWatch keeps logs for 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653 days, or for ever (0)."
  }

  validation {
    condition     = var.logs.kms_key_arn == null || can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+$", var.logs.kms_key_arn))
    error_message = "logs.kms_key_arn is ${jsonencode(var.logs.kms_key_arn)}: it has to be the ARN of a key, arn:aws:kms:<region>:<account>:key/<id>."
  }
}

variable "tracing" {
  description = "Whether X-Ray traces requests through the API and the functions."
  type        = bool
  default     = false
  nullable    = false
}

variable "failed_jobs" {
  description = "Dead-letter queue of jobs: events that Lambda has given up on. Null: none."
  type = object({
    # Retention of the events in days, from 1 to 14.
    retention_days = optional(number, 14)
    # ARN of the KMS key that encrypts the queue. Null: SQS's own key.
    kms_key_arn = optional(string)
  })
  default = {}

  validation {
    condition     = var.failed_jobs == null || try(contains(range(1, 15), var.failed_jobs.retention_days), false)
    error_message = "failed_jobs.retention_days is ${jsonencode(try(var.failed_jobs.retention_days, null))}: it has to be a whole number from 1 to 14, which is the most that SQS keeps."
  }

  validation {
    condition     = try(var.failed_jobs.kms_key_arn, null) == null || can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+$", var.failed_jobs.kms_key_arn))
    error_message = "failed_jobs.kms_key_arn is ${jsonencode(try(var.failed_jobs.kms_key_arn, null))}: it has to be the ARN of a key, arn:aws:kms:<region>:<account>:key/<id>."
  }
}

variable "alarms" {
  description = "Alarms, which notify an SNS topic. Null: none."
  type = object({
    # ARN of the topic. It is also notified of each event of a job that Lambda has given up on.
    topic_arn = string
    # Errors of a function in five minutes.
    errors = optional(number, 1)
    # Throttled invocations of a function in five minutes.
    throttles = optional(number, 1)
    # Failed jobs in five minutes.
    failed_jobs = optional(number, 1)
    # Answers of the API with 5XX in five minutes.
    server_errors = optional(number, 1)
    # The API's 99th percentile of latency in milliseconds, in three periods of five minutes in a row. Periods with fewer than 1,000
    # requests do not count: their percentile means little.
    latency_ms = optional(number, 3000)
    # Longest duration of an invocation in five minutes, in percent of the function's timeout.
    duration_percent = optional(number, 90)
    # Share of a function's invocations that fail, in percent. Null: no alarm.
    error_percent = optional(number)
    # Events of jobs that Lambda drops in five minutes because every attempt has failed.
    dropped_events = optional(number, 1)
    # Age in seconds of a job's event that waits for its function. Null: no alarm.
    event_age_seconds = optional(number, 900)
    # Events in five minutes that Lambda cannot send to the dead-letter queue.
    undelivered_events = optional(number, 1)
    # Length of a period in seconds, a multiple of 60. It replaces the five minutes of the thresholds above.
    period_seconds = optional(number, 300)
    # Number of the latest periods that are evaluated. latency_ms uses at least three.
    evaluation_periods = optional(number, 1)
    # Number of those periods that have to exceed the threshold. latency_ms uses at least three. Null: all.
    datapoints_to_alarm = optional(number)
    # ARNs of further topics to notify, four at most.
    more_topic_arns = optional(list(string), [])
    # Whether one composite alarm, which is on while any other alarm is on, notifies the topics instead of the individual alarms.
    composite = optional(bool, false)
  })
  default = null

  validation {
    condition     = var.alarms == null || try(alltrue([for arn in concat([var.alarms.topic_arn], var.alarms.more_topic_arns) : can(regex("^arn:[^:]+:sns:[^:]+:[0-9]{12}:[^:]+$", arn))]), false)
    error_message = "alarms.topic_arn is ${jsonencode(try(var.alarms.topic_arn, null))}, and more_topic_arns ${jsonencode(try(var.alarms.more_topic_arns, null))}: each has to be the ARN of an SNS topic."
  }

  validation {
    condition     = try(length(var.alarms.more_topic_arns) <= 4, true)
    error_message = "alarms.more_topic_arns has ${try(length(var.alarms.more_topic_arns), 0)} topics: an alarm tells five at most, of which alarms.topic_arn is the first."
  }

  validation {
    condition     = var.alarms == null || try(alltrue([for name, threshold in var.alarms : try(threshold > 0, contains(["topic_arn", "more_topic_arns", "composite", "error_percent", "event_age_seconds", "datapoints_to_alarm"], name))]), false)
    error_message = "${join(" and ", try([for name, threshold in var.alarms : "alarms.${name} is ${jsonencode(threshold)}" if !try(threshold > 0, contains(["topic_arn", "more_topic_arns", "composite", "error_percent", "event_age_seconds", "datapoints_to_alarm"], name))], []))}: it has to be above 0, as an alarm at 0 is always on."
  }

  validation {
    condition     = var.alarms == null || try(var.alarms.period_seconds % 60 == 0, false)
    error_message = "alarms.period_seconds is ${jsonencode(try(var.alarms.period_seconds, null))}: it has to be a multiple of 60."
  }

  # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
  validation {
    condition     = var.alarms == null || try(var.alarms.period_seconds * max(var.alarms.evaluation_periods, 3) <= (var.alarms.period_seconds < 3600 ? 1 : 7) * 86400, false)
    error_message = "alarms.evaluation_periods is ${jsonencode(try(var.alarms.evaluation_periods, null))}, each of ${jsonencode(try(var.alarms.period_seconds, null))} seconds: together they can be a day at most, or a week where each is an hour or more."
  }

  validation {
    condition     = try(var.alarms.datapoints_to_alarm, null) == null || try(var.alarms.datapoints_to_alarm <= var.alarms.evaluation_periods, false)
    error_message = "alarms.datapoints_to_alarm is ${jsonencode(try(var.alarms.datapoints_to_alarm, null))} of ${jsonencode(try(var.alarms.evaluation_periods, null))} evaluation_periods: it cannot be more."
  }

  validation {
    condition     = var.alarms == null || try(var.alarms.duration_percent <= 100, false)
    error_message = "alarms.duration_percent is ${jsonencode(try(var.alarms.duration_percent, null))}: it can be 100 at most, as no invocation outlasts its timeout."
  }
}

variable "dashboard" {
  description = "Whether to create a CloudWatch dashboard of the whole service. Three dashboards per account are free."
  type        = bool
  default     = false
  nullable    = false
}

variable "budget" {
  description = "Monthly budget with notifications. Null: none."
  type = object({
    # Limit in USD. The addresses are also notified when the forecast exceeds it.
    monthly_usd = number
    # Email addresses, 1 to 10.
    emails = list(string)
    # Percentages of the limit at which the addresses are notified, four at most.
    percents = optional(list(number), [80, 100])
    # Cost allocation tag: only costs with this tag count. It has to be activated. Null counts the whole account.
    cost_tag = optional(object({
      # Key of the tag.
      key = string
      # Value of the tag.
      value = string
    }))
  })
  default = null

  validation {
    condition     = var.budget == null || try(var.budget.monthly_usd > 0, false)
    error_message = "budget.monthly_usd is ${jsonencode(try(var.budget.monthly_usd, null))}: it has to be above 0."
  }

  validation {
    condition     = var.budget == null || try(length(var.budget.emails) > 0 && length(var.budget.emails) <= 10, false)
    error_message = "budget.emails has ${length(try(var.budget.emails, []))} addresses: it has to have 1 to 10."
  }

  validation {
    condition     = var.budget == null || try(length(var.budget.percents) <= 4 && alltrue([for percent in var.budget.percents : percent > 0]), false)
    error_message = "budget.percents is ${jsonencode(try(var.budget.percents, null))}: it can have 4 percentages above 0, as a budget takes five notifications, the forecast's included."
  }
}
