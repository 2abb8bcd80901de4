variable "name" {
  description = "Name of the role, to which the region is appended."
  type        = string
  default     = "api-gateway-logs"
  nullable    = false
}

variable "roles" {
  description = "IAM path of the role, and the ARN of a policy that bounds what it may be granted."
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
