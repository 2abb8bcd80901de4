variable "name" {
  description = "Prefix of everything that has a name in the account that trains. In the one that serves, `-serving` follows it."
  type        = string
  default     = "ml"
}

variable "region" {
  description = "The AWS region of both."
  type        = string
  default     = "us-east-1"
}

variable "serving_role_arn" {
  description = "Role in the account that serves, which Terraform assumes to deploy there."
  type        = string
}

variable "force_destroy" {
  description = "Whether `terraform destroy` also deletes all data and models."
  type        = bool
  default     = false
}
