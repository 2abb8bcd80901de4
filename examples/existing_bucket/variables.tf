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

variable "prefix" {
  description = "What all keys of this instance begin with, as in ml/. Instances that share a bucket differ in it."
  type        = string
  default     = ""
}

variable "kms_key_arn" {
  description = "KMS key that encrypts the bucket. Null when S3 manages the keys."
  type        = string
  default     = null
}
