data "aws_region" "current" {}

locals {
  region = data.aws_region.current.id

  # The functions' own metrics, which docs/operations.md describes.
  own_namespace = "ServerlessML"

  job_functions  = { for key, function in var.functions : key => function if function.runs_jobs }
  api_dimensions = { ApiName = var.api.name, Stage = var.api.stage }
}
