variable "logs" {
  description = <<-EOT
    Logs of the functions and the API: the least important level that functions log (DEBUG, INFO, WARNING, ERROR or CRITICAL), the days for which
    logs are kept (0: for ever), and a KMS key that encrypts them, whose policy must let CloudWatch Logs use it.
  EOT
  type = object({
    level          = optional(string, "INFO")
    retention_days = optional(number, 30)
    kms_key_arn    = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], var.logs.level)
    error_message = "logs.level is DEBUG, INFO, WARNING, ERROR or CRITICAL."
  }

  validation {
    condition     = contains([0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.logs.retention_days)
    error_message = "CloudWatch keeps logs for 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653 days, or for ever (0)."
  }

  validation {
    condition     = var.logs.kms_key_arn == null || can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+$", var.logs.kms_key_arn))
    error_message = "logs.kms_key_arn is the ARN of a key, arn:aws:kms:<region>:<account>:key/<id>."
  }
}

variable "tracing" {
  description = "Whether X-Ray traces requests through the API and the functions."
  type        = bool
  default     = false
  nullable    = false
}

variable "failed_jobs" {
  description = "Days (retention_days, from 1 to 14) for which a queue keeps the events of jobs that Lambda has given up. Null has no such queue."
  type = object({
    retention_days = optional(number, 14)
  })
  default = {}

  validation {
    condition     = var.failed_jobs == null || try(contains(range(1, 15), var.failed_jobs.retention_days), false)
    error_message = "failed_jobs.retention_days is a whole number from 1 to 14, which is the most that SQS keeps."
  }
}

variable "alarms" {
  description = <<-EOT
    Alarms, told to the SNS topic of topic_arn. In five minutes: so many errors or throttles of a function, failed jobs, or server_errors (5XX) of the
    API; a function's invocation that took duration_percent of its timeout; and any event of a job that was given up. In a quarter of an hour:
    a 99th percentile of the API's latency of latency_ms, of 1,000 requests in five minutes at least, as fewer have no such thing. Null has no alarms.
  EOT
  type = object({
    topic_arn        = string
    errors           = optional(number, 1)
    throttles        = optional(number, 1)
    failed_jobs      = optional(number, 1)
    server_errors    = optional(number, 1)
    latency_ms       = optional(number, 3000)
    duration_percent = optional(number, 90)
  })
  default = null

  validation {
    condition     = var.alarms == null || can(regex("^arn:[^:]+:sns:[^:]+:[0-9]{12}:[^:]+$", var.alarms.topic_arn))
    error_message = "alarms.topic_arn is the ARN of an SNS topic."
  }

  validation {
    condition     = var.alarms == null || try(alltrue([for name, threshold in var.alarms : try(threshold > 0, name == "topic_arn")]), false)
    error_message = "The thresholds of alarms are above 0: at 0 they are always on."
  }

  validation {
    condition     = var.alarms == null || try(var.alarms.duration_percent <= 100, false)
    error_message = "alarms.duration_percent is at most 100: no invocation outlasts its timeout."
  }
}

variable "dashboard" {
  description = "Whether to make a CloudWatch dashboard of the whole service. An account has three for free."
  type        = bool
  default     = false
  nullable    = false
}

variable "budget" {
  description = <<-EOT
    Monthly costs in USD of which emails are told, at percents of them and when they are forecast to be passed. It counts the whole account, or what
    has cost_tag, which must be activated for cost allocation. Null has no budget.
  EOT
  type = object({
    monthly_usd = number
    emails      = list(string)
    percents    = optional(list(number), [80, 100])
    cost_tag = optional(object({
      key   = string
      value = string
    }))
  })
  default = null

  validation {
    condition     = var.budget == null || try(var.budget.monthly_usd > 0, false)
    error_message = "budget.monthly_usd is above 0."
  }

  validation {
    condition     = var.budget == null || try(length(var.budget.emails) > 0 && length(var.budget.emails) <= 10, false)
    error_message = "budget.emails has 1 to 10 addresses."
  }

  validation {
    condition     = var.budget == null || try(length(var.budget.percents) <= 4 && alltrue([for percent in var.budget.percents : percent > 0]), false)
    error_message = "budget.percents has at most 4 percentages above 0: a budget takes five notifications, the forecast's included."
  }
}
