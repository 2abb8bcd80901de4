variable "name" {
  description = "Prefix of everything that has a name: functions, roles, buckets, the API."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,22}[a-z0-9]$", var.name))
    error_message = "name is 2 to 24 lower-case letters, digits and hyphens, beginning with a letter and not ending with a hyphen: it becomes part of bucket names."
  }
}

variable "tags" {
  description = "Tags of everything that takes tags."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "artifacts" {
  description = "Where the functions' zips and their manifest.json are: a folder that `make build` has filled. Its default is dist/ in this module."
  type = object({
    folder = optional(string)
  })
  default  = {}
  nullable = false
}

variable "functions" {
  description = <<-EOT
    Size of each function: memory_size in MB (1,769 MB buy one vCPU; new accounts are held to 3,008), timeout in seconds,
    ephemeral_storage (/tmp) in MB. The API waits 29 seconds at most, whatever the timeout of inference.
  EOT
  type = object({
    data_processing = optional(object({
      memory_size       = optional(number, 2048)
      timeout           = optional(number, 900)
      ephemeral_storage = optional(number, 10240)
    }), {})
    model_training = optional(object({
      memory_size       = optional(number, 3008)
      timeout           = optional(number, 900)
      ephemeral_storage = optional(number, 2048)
    }), {})
    inference = optional(object({
      memory_size       = optional(number, 1024)
      timeout           = optional(number, 30)
      ephemeral_storage = optional(number, 512)
    }), {})
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for function in var.functions : function.memory_size >= 128 && function.memory_size <= 10240])
    error_message = "memory_size is a number of MB from 128 to 10240."
  }

  validation {
    condition     = alltrue([for function in var.functions : function.timeout >= 1 && function.timeout <= 900])
    error_message = "timeout is a number of seconds from 1 to 900."
  }

  validation {
    condition     = alltrue([for function in var.functions : function.ephemeral_storage >= 512 && function.ephemeral_storage <= 10240])
    error_message = "ephemeral_storage is a number of MB from 512 to 10240."
  }
}

variable "stage_name" {
  description = "Stage of the API, the first part of every path."
  type        = string
  default     = "prod"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,128}$", var.stage_name))
    error_message = "stage_name is 1 to 128 letters, digits, hyphens and underscores."
  }
}

variable "authorization" {
  description = "Who may call the API: AWS_IAM takes requests signed by principals that may execute-api:Invoke, NONE takes anybody's."
  type        = string
  default     = "AWS_IAM"
  nullable    = false

  validation {
    condition     = contains(["AWS_IAM", "NONE"], var.authorization)
    error_message = "authorization is AWS_IAM or NONE."
  }
}

variable "throttling" {
  description = "Requests per second that the API takes, and how many at once beyond them. The rest is answered with 429."
  type = object({
    rate_limit  = optional(number, 50)
    burst_limit = optional(number, 100)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.throttling.rate_limit > 0 && var.throttling.burst_limit > 0
    error_message = "rate_limit and burst_limit are above 0: at 0 every request is refused."
  }
}

variable "log_level" {
  description = "Least important level that the functions log."
  type        = string
  default     = "INFO"
  nullable    = false

  validation {
    condition     = contains(["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], var.log_level)
    error_message = "log_level is DEBUG, INFO, WARNING, ERROR or CRITICAL."
  }
}

variable "log_retention_days" {
  description = "Days for which logs are kept; 0 keeps them for ever."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "CloudWatch keeps logs for 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653 days, or for ever (0)."
  }
}

variable "kms_key_arn" {
  description = "KMS key that encrypts both buckets. Null encrypts with keys that S3 manages."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "kms_key_arn is the ARN of a key, arn:aws:kms:<region>:<account>:key/<id>: roles cannot be granted an alias."
  }
}

variable "lifecycle_rules" {
  description = "Days after which the unfinished parts of an upload, and object versions that were replaced or deleted, are removed. Null sets no lifecycle rules."
  type = object({
    abort_incomplete_upload_days = optional(number, 7)
    noncurrent_version_days      = optional(number, 90)
  })
  default = {}
}

variable "force_destroy" {
  description = "Whether `terraform destroy` also deletes all data, models and jobs. Without it, it stops at a bucket that is not empty."
  type        = bool
  default     = false
  nullable    = false
}
