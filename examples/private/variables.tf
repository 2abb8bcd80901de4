variable "name" {
  description = "Prefix of everything that has a name."
  type        = string
  default     = "ml"
}

variable "region" {
  description = "AWS region of the VPC. Null takes it from the environment (AWS_REGION) or the profile."
  type        = string
  default     = null
}

variable "vpc_id" {
  description = "VPC, with DNS support and DNS hostnames, that shall reach the API."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets of the VPC, in different zones, for the functions and the endpoints."
  type        = list(string)
}

variable "route_table_ids" {
  description = "Route tables of these subnets."
  type        = list(string)
}
