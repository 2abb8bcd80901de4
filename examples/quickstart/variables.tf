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

variable "force_destroy" {
  description = "Whether `terraform destroy` also deletes all data and models."
  type        = bool
  default     = false
}

variable "images_by_key" {
  description = "Whether an instance may name an image by its key below raw/. If so, inference can read all objects below raw/."
  type        = bool
  default     = false
}
