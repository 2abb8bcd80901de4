variable "name" {
  description = "Prefix of everything that has a name."
  type        = string
  default     = "ml"
}

variable "region" {
  description = "AWS region of the bucket. Null takes it from the environment (AWS_REGION) or the profile."
  type        = string
  default     = null
}

variable "bucket" {
  description = "Name of the bucket that shall hold data, models and jobs."
  type        = string
}

variable "kms_key_arn" {
  description = "KMS key that encrypts the bucket. Null when S3 manages the keys."
  type        = string
  default     = null
}
