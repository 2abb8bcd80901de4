variable "name" {
  description = "Prefix of everything that has a name, the same in both regions."
  type        = string
  default     = "ml"
}

variable "regions" {
  description = "The two AWS regions to deploy to."
  type        = tuple([string, string])
  default     = ["us-east-1", "eu-west-1"]
}

variable "force_destroy" {
  description = "Whether `terraform destroy` also deletes all data and models."
  type        = bool
  default     = false
}
