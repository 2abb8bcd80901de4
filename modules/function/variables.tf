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
  description = "Alias of the version that callers invoke."
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
}

variable "settings" {
  description = "Memory and /tmp in MB, timeout in seconds, reserved and provisioned concurrency (null: none), upper limit of autoscaling, and SnapStart."
  type = object({
    memory_size             = number
    timeout                 = number
    ephemeral_storage       = optional(number, 512)
    reserved_concurrency    = optional(number)
    provisioned_concurrency = optional(number)
    snap_start              = optional(bool, false)

    max_provisioned_concurrency = optional(number)
  })
  nullable = false
}

variable "additions" {
  description = "Additional environment variables, their KMS key, layers, code signing, and a canary deployment. The root module describes the attributes."
  type = object({
    environment             = optional(map(string), {})
    environment_kms_key_arn = optional(string)
    layers                  = optional(list(string), [])
    code_signing_config_arn = optional(string)
    earlier_version = optional(object({
      version = string
      weight  = number
    }))
  })
  default  = {}
  nullable = false
}

variable "environment" {
  description = "Environment variables of the module, 4 KB together with the additional ones."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "logs" {
  description = "Retention of the function's logs in days (0: for ever), their KMS key, and whether `terraform destroy` keeps them."
  type = object({
    retention_days  = optional(number, 30)
    kms_key_arn     = optional(string)
    outlast_destroy = optional(bool, false)
  })
  default  = {}
  nullable = false
}

variable "tracing" {
  description = "Whether X-Ray traces invocations."
  type        = bool
  default     = false
  nullable    = false
}

variable "vpc" {
  description = "Subnets and security groups. Null runs the function outside of a VPC."
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  default = null
}

variable "on_failure" {
  description = "Destination of asynchronous events whose attempts have all failed. Null drops them."
  type = object({
    destination_arn = string
  })
  default = null
}

variable "tags" {
  description = "Tags of the function and its log group."
  type        = map(string)
  default     = {}
  nullable    = false
}
