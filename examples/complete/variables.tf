variable "name" {
  description = "Prefix of everything that has a name."
  type        = string
  default     = "ml"
}

variable "region" {
  description = "AWS region to deploy to. Null takes it from the environment (AWS_REGION) or the profile."
  type        = string
  default     = null
}

variable "kms_key_arn" {
  description = "KMS key that encrypts data, logs and alarms. Its policy lets CloudWatch, CloudWatch Logs and the account's own policies use it."
  type        = string
}

variable "owner" {
  description = "Email address that alarms and costs are told."
  type        = string
}

variable "origin" {
  description = "Origin of the web pages that may call the API."
  type        = string
}

variable "allowed_networks" {
  description = "CIDR blocks that requests may come from; any when empty."
  type        = list(string)
  default     = []
}

variable "force_destroy" {
  description = "Whether `terraform destroy` also deletes all data and models."
  type        = bool
  default     = false
}
