variable "name" {
  description = "Prefix of the role's name. The region is appended."
  type        = string
  default     = "api-gateway-logs"
  nullable    = false
}

variable "roles" {
  description = "IAM path of the role, and the ARN of its permissions boundary."
  type = object({
    path                 = optional(string, "/")
    permissions_boundary = optional(string)
  })
  default  = {}
  nullable = false
}

variable "tags" {
  description = "Tags of the role."
  type        = map(string)
  default     = {}
  nullable    = false
}
