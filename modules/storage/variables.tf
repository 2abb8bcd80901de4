variable "name" {
  description = "Prefix of the bucket names, which become `<name>-data-<account>-<region>` and `<name>-artifacts-<account>-<region>`."
  type        = string
  nullable    = false
}

variable "data_bucket" {
  description = "A bucket to keep data in. Null makes one."
  type = object({
    name = string
  })
  default = null
}

variable "keeps_code" {
  description = "Whether to make a bucket for the functions' code."
  type        = bool
  default     = true
  nullable    = false
}

variable "kms_key_arn" {
  description = "KMS key that encrypts the objects (SSE-KMS). Null encrypts with keys that S3 manages (SSE-S3)."
  type        = string
  default     = null
}

variable "cors" {
  description = "The origin whose pages may upload to presigned URLs of the data bucket, and how many seconds they may remember so. Null for none."
  type = object({
    allowed_origin = string
    max_age        = number
  })
  default = null
}

variable "access" {
  description = "Principals that may read the models in the data bucket made here, and statements of its policy. The root module says more."
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
  description = "Bucket that requests to the buckets are logged to, and the prefix of the logs. Null logs none."
  type = object({
    bucket = string
    prefix = optional(string, "")
  })
  default = null
}

variable "force_destroy" {
  description = "Whether destroying a bucket also deletes the objects in it."
  type        = bool
  default     = false
  nullable    = false
}

variable "lifecycle_rules" {
  description = "Days after which unfinished uploads, versions that were replaced or deleted, raw data, jobs, and data that is not to be kept are removed. Null sets no lifecycle rules."
  type = object({
    abort_incomplete_upload_days = optional(number, 7)
    noncurrent_version_days      = optional(number, 90)
    raw_data_days                = optional(number)
    job_days                     = optional(number)
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
