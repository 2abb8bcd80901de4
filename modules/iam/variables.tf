variable "name" {
  description = "Prefix of all names: a function is called `<name>-<function>`, its role `<name>-<function>-<region>`."
  type        = string
  nullable    = false
}

variable "alias" {
  description = "Lambda alias through which functions are invoked, by themselves too."
  type        = string
  nullable    = false
}

variable "data_bucket_arn" {
  description = "ARN of the data bucket."
  type        = string
  nullable    = false
}

variable "data_prefix" {
  description = "What all keys in the data bucket begin with."
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
  description = "IAM path of the roles, the ARN of a policy that bounds what they may be granted, and the ARNs of roles that exist, by function: those are not made."
  type = object({
    path                 = optional(string, "/")
    permissions_boundary = optional(string)
    arns                 = optional(map(string), {})
  })
  default  = {}
  nullable = false
}

variable "policy_statements" {
  description = "Statements that are added to the roles' policies, by function."
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
  description = "Functions that run jobs: they invoke themselves, and write to the queue of failed jobs."
  type        = list(string)
  nullable    = false
}

variable "images_by_key" {
  description = "Whether inference may read `raw/`, for images that a request names by key."
  type        = bool
  default     = false
  nullable    = false
}

variable "failed_jobs" {
  description = "The queue of failed jobs to write to, and the KMS key that encrypts it. Null when there is none."
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
