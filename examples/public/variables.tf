variable "name" {
  description = "Prefix of everything that has a name."
  type        = string
  default     = "ml"
}

variable "region" {
  description = "AWS region of all that is named below. Null takes it from the environment (AWS_REGION) or the profile."
  type        = string
  default     = null
}

variable "domain_name" {
  description = "Name under which the API is reached, such as ml.example.com."
  type        = string
}

variable "base_path" {
  description = "Path at which the API begins, of one level or several."
  type        = string
  default     = "v1"
}

variable "certificate_arn" {
  description = "Certificate of that name in ACM."
  type        = string
}

variable "web_acl_arn" {
  description = "WAF web ACL, of the scope REGIONAL, that requests pass first."
  type        = string
}

variable "user_pool_arn" {
  description = "Cognito user pool of those who may ask for predictions."
  type        = string
}

variable "scopes" {
  description = "Scopes of which an access token must have one; id tokens are taken when empty."
  type        = list(string)
  default     = []
}

variable "authorizer_arn" {
  description = "Function, or its alias, that lets in those who may do everything else."
  type        = string
}

variable "origin" {
  description = "Origin of the web pages that may call the API."
  type        = string
}
