variable "name" {
  description = "Name of the function."
  type        = string
  nullable    = false
}

variable "description" {
  description = "What the function does."
  type        = string
  default     = ""
  nullable    = false
}

variable "alias" {
  description = "Alias that points at the version which callers reach."
  type        = string
  default     = "live"
  nullable    = false
}

variable "role_arn" {
  description = "ARN of the execution role."
  type        = string
  nullable    = false
}

variable "code" {
  description = "The zip in S3 and the base64 of its sha256. The key must change with the content."
  type = object({
    bucket = string
    key    = string
    sha256 = string
  })
  nullable = false
}

variable "handler" {
  description = "Python path of the function's handler."
  type        = string
  nullable    = false
}

variable "runtime" {
  description = "Lambda runtime."
  type        = string
  default     = "python3.13"
  nullable    = false
}

variable "architecture" {
  description = "Instruction set of the zip: x86_64 or arm64."
  type        = string
  default     = "x86_64"
  nullable    = false

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "Lambda knows the architectures x86_64 and arm64."
  }
}

variable "memory_size" {
  description = "Memory in MB, 128 to 10240. CPU grows with it: 1,769 MB is one vCPU."
  type        = number
  nullable    = false

  validation {
    condition     = var.memory_size >= 128 && var.memory_size <= 10240 && floor(var.memory_size) == var.memory_size
    error_message = "memory_size is a whole number of MB from 128 to 10240."
  }
}

variable "timeout" {
  description = "Seconds after which an invocation is stopped, 1 to 900."
  type        = number
  nullable    = false

  validation {
    condition     = var.timeout >= 1 && var.timeout <= 900 && floor(var.timeout) == var.timeout
    error_message = "timeout is a whole number of seconds from 1 to 900."
  }
}

variable "ephemeral_storage" {
  description = "Size of /tmp in MB, 512 to 10240."
  type        = number
  default     = 512
  nullable    = false

  validation {
    condition     = var.ephemeral_storage >= 512 && var.ephemeral_storage <= 10240 && floor(var.ephemeral_storage) == var.ephemeral_storage
    error_message = "ephemeral_storage is a whole number of MB from 512 to 10240."
  }
}

variable "environment" {
  description = "Environment variables, 4 KB in all."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "log_retention_days" {
  description = "Days for which the function's logs are kept."
  type        = number
  default     = 30
  nullable    = false
}

variable "tags" {
  description = "Tags of the function and its log group."
  type        = map(string)
  default     = {}
  nullable    = false
}
