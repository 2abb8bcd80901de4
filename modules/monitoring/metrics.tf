data "aws_region" "current" {}

data "aws_partition" "current" {}

locals {
  region = data.aws_region.current.id

  console_hosts = {
    aws        = "console.aws.amazon.com"
    aws-cn     = "console.amazonaws.cn"
    aws-eusc   = "console.amazonaws-eusc.eu"
    aws-us-gov = "console.amazonaws-us-gov.com"
  }
  console_host = lookup(local.console_hosts, data.aws_partition.current.partition, null)

  # The functions' own metrics, which docs/operations.md describes.
  own_namespace = "ServerlessML"

  job_functions  = { for key, function in var.functions : key => function if function.runs_jobs }
  api_dimensions = { ApiName = var.api.name, Stage = var.api.stage }
}
