variable "name" {
  description = "Prefix of all names. A function is named `<name>-<function>`, its role `<name>-<function>-<region>`."
  type        = string
  nullable    = false
}

variable "alias" {
  description = "Alias with which the functions are invoked. Functions that run jobs also invoke themselves with it."
  type        = string
  nullable    = false
}

variable "data_bucket_arn" {
  description = "ARN of the data bucket."
  type        = string
  nullable    = false
}

variable "data_prefix" {
  description = "Prefix of all keys in the data bucket."
  type        = string
  default     = ""
  nullable    = false
}

variable "kms_key_arn" {
  description = "KMS key that encrypts the data bucket. Null when S3 manages the keys."
  type        = string
  default     = null
}

variable "roles" {
  description = "IAM path of the roles, the ARN of their permissions boundary, and the ARNs of existing roles, by function, which are used instead of new ones."
  type = object({
    path                 = optional(string, "/")
    permissions_boundary = optional(string)
    arns                 = optional(map(string), {})
  })
  default  = {}
  nullable = false
}

variable "policy_statements" {
  description = "Additional statements of the roles' policies, by function."
  type = map(list(object({
    sid       = string
    effect    = optional(string, "Allow")
    actions   = list(string)
    resources = list(string)
    conditions = optional(list(object({
      test     = string
      variable = string
      values   = list(string)
    })), [])
  })))
  default  = {}
  nullable = false
}

variable "job_functions" {
  description = "Functions that run jobs. They invoke themselves and write to the dead-letter queue."
  type        = list(string)
  nullable    = false
}

variable "images_by_key" {
  description = "Whether inference may read objects below `raw/`, for requests that name an image by its key."
  type        = bool
  default     = false
  nullable    = false
}

variable "failed_jobs" {
  description = "Dead-letter queue of jobs, and the KMS key that encrypts it. Null when there is none."
  type = object({
    kms_key_arn = optional(string)
  })
  default = null
}

variable "tracing" {
  description = "Whether X-Ray traces the functions."
  type        = bool
  default     = false
  nullable    = false
}

variable "in_vpc" {
  description = "Whether the functions run in a VPC."
  type        = bool
  default     = false
  nullable    = false
}

variable "tags" {
  description = "Tags of the roles."
  type        = map(string)
  default     = {}
  nullable    = false
}
