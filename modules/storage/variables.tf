variable "name" {
  description = "Prefix of the bucket names, which become `<name>-data-<account>-<region>` and `<name>-artifacts-<account>-<region>`."
  type        = string
  nullable    = false
}

variable "data_bucket" {
  description = "Existing bucket for data. Null: the module creates one."
  type = object({
    name = string
  })
  default = null
}

variable "keeps_code" {
  description = "Whether to create a bucket for the functions' code."
  type        = bool
  default     = true
  nullable    = false
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the objects (SSE-KMS). Null: keys that S3 manages (SSE-S3)."
  type        = string
  default     = null
}

variable "cors" {
  description = "CORS rule of the data bucket: the origin of pages that may use presigned URLs, and the seconds for which browsers cache the permission. Null: none."
  type = object({
    allowed_origin = string
    max_age        = number
  })
  default = null
}

variable "access" {
  description = "Principals that may read models in the data bucket of this module, and additional statements of its policy. The root module describes the attributes."
  type = object({
    model_readers = optional(list(string), [])
    statements = optional(list(object({
      sid        = string
      effect     = optional(string, "Allow")
      principals = list(string)
      actions    = list(string)
      paths      = list(string)
      conditions = optional(list(object({
        test     = string
        variable = string
        values   = list(string)
      })), [])
    })), [])
  })
  default  = {}
  nullable = false
}

variable "logs" {
  description = "Bucket for server access logs, and the prefix of the logs. Null: none."
  type = object({
    bucket = string
    prefix = optional(string, "")
  })
  default = null
}

variable "force_destroy" {
  description = "Whether `terraform destroy` deletes buckets that are not empty."
  type        = bool
  default     = false
  nullable    = false
}

variable "lifecycle_rules" {
  description = "Days after which unfinished uploads, noncurrent versions, raw data, jobs, trials, and short-lived data are removed. Null: no lifecycle rules."
  type = object({
    abort_incomplete_upload_days = optional(number, 7)
    noncurrent_version_days      = optional(number, 90)
    raw_data_days                = optional(number)
    job_days                     = optional(number)
    trial_days                   = optional(number, 30)
    short_lived_days             = optional(number, 1)
  })
  default = {}
}

variable "tags" {
  description = "Tags of the buckets."
  type        = map(string)
  default     = {}
  nullable    = false
}
