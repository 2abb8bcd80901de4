variable "name" {
  description = "Name of the API."
  type        = string
  nullable    = false
}

variable "functions" {
  description = "The function behind each tag of the OpenAPI document: its name, and the alias that the API invokes."
  type = map(object({
    name             = string
    alias            = string
    alias_invoke_arn = string
  }))
  nullable = false
}

variable "stage_name" {
  description = "Stage that the API is deployed to, the first part of every path."
  type        = string
  default     = "prod"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,128}$", var.stage_name))
    error_message = "stage_name is 1 to 128 letters, digits, hyphens and underscores."
  }
}

variable "authorization" {
  description = "Who may call the API: AWS_IAM takes requests signed by principals that may execute-api:Invoke, NONE takes anybody's."
  type        = string
  default     = "AWS_IAM"
  nullable    = false

  validation {
    condition     = contains(["AWS_IAM", "NONE"], var.authorization)
    error_message = "authorization is AWS_IAM or NONE."
  }
}

variable "throttling" {
  description = "Requests per second that the stage takes, and how many at once beyond them. The rest is answered with 429."
  type = object({
    rate_limit  = optional(number, 50)
    burst_limit = optional(number, 100)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.throttling.rate_limit > 0 && var.throttling.burst_limit > 0
    error_message = "rate_limit and burst_limit are above 0: at 0 every request is refused."
  }
}

variable "tags" {
  description = "Tags of the API and its stage."
  type        = map(string)
  default     = {}
  nullable    = false
}
