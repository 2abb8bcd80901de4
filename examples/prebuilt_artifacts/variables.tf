variable "name" {
  description = "Prefix of everything that has a name."
  type        = string
  default     = "ml"
}

variable "region" {
  description = "AWS region of the artifacts bucket. Null takes it from the environment (AWS_REGION) or the profile."
  type        = string
  default     = null
}

variable "artifacts_bucket" {
  description = "Bucket that `make publish` has filled."
  type        = string
}

variable "artifacts_prefix" {
  description = "Prefix that `make publish` was given."
  type        = string
  default     = ""
}
