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
  description = "IAM path of the roles, and the ARN of a policy that bounds what they may be granted."
  type = object({
    path                 = optional(string, "/")
    permissions_boundary = optional(string)
  })
  default  = {}
  nullable = false
}

variable "images_by_key" {
  description = "Whether inference may read `raw/`, for images that a request names by key."
  type        = bool
  default     = false
  nullable    = false
}

variable "keeps_failed_jobs" {
  description = "Whether there is a queue of failed jobs to write to."
  type        = bool
  default     = false
  nullable    = false
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
