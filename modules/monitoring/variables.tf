variable "name" {
  description = "Prefix of the names of alarms and of the dashboard."
  type        = string
  nullable    = false
}

variable "functions" {
  description = "Name and timeout, in seconds, of each function, and whether it runs jobs."
  type = map(object({
    name      = string
    timeout   = number
    runs_jobs = bool
  }))
  nullable = false
}

variable "api" {
  description = "Name and stage of the REST API."
  type = object({
    name  = string
    stage = string
  })
  nullable = false
}

variable "failed_jobs_queue" {
  description = "Name of the dead-letter queue of jobs. Null when there is none."
  type = object({
    name = string
  })
  default = null
}

variable "alarms" {
  description = "Topic and thresholds of the alarms. Null: none. The root module describes the attributes."
  type = object({
    topic_arn           = string
    errors              = optional(number, 1)
    throttles           = optional(number, 1)
    failed_jobs         = optional(number, 1)
    server_errors       = optional(number, 1)
    latency_ms          = optional(number, 3000)
    duration_percent    = optional(number, 90)
    error_percent       = optional(number)
    dropped_events      = optional(number, 1)
    event_age_seconds   = optional(number, 900)
    undelivered_events  = optional(number, 1)
    period_seconds      = optional(number, 300)
    evaluation_periods  = optional(number, 1)
    datapoints_to_alarm = optional(number)
    more_topic_arns     = optional(list(string), [])
    composite           = optional(bool, false)
  })
  default = null
}

variable "dashboard" {
  description = "Whether to create a dashboard."
  type        = bool
  default     = false
  nullable    = false
}

variable "tags" {
  description = "Tags of the alarms."
  type        = map(string)
  default     = {}
  nullable    = false
}
