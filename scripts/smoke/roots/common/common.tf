# In each root beside its main.tf.
terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, != 6.3.0, < 7"
    }
  }
}

provider "aws" {
  region = var.region
}

variable "name" {
  description = "Prefix of everything that has a name."
  type        = string
}

variable "region" {
  description = "AWS region to deploy to."
  type        = string
}

output "deployment" {
  description = "All outputs of the module."
  value       = module.ml
  sensitive   = true # API keys are among them
}
