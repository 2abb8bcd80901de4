variable "name" {
  description = "Prefix of the role and function names; a function is called `<name>-<function>`."
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

variable "kms_key_arn" {
  description = "KMS key that encrypts the data bucket. Null when S3 manages the keys."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of the roles."
  type        = map(string)
  default     = {}
  nullable    = false
}
