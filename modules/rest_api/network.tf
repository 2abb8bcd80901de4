# From where the API can be reached.
data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  is_private       = var.api.private != null
  is_restricted    = local.is_private || length(var.api.allowed_networks) > 0
  endpoint_type    = local.is_private ? "PRIVATE" : "REGIONAL"
  vpc_endpoint_ids = try(var.api.private.vpc_endpoint_ids, [])

  # Signed requests need the caller's own permission too: an Allow for everyone would stand in for it.
  # https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-authorization-flow.html
  admitted = {
    signed = {
      principal = { AWS = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:root" }
      paths     = [for id, path in local.method_paths : path if local.authorizations[local.groups[id]].type == "AWS_IAM"]
    }
    others = {
      principal = "*"
      paths = concat(
        [for id, path in local.method_paths : path if local.authorizations[local.groups[id]].type != "AWS_IAM"],
        [for path in ["OPTIONS/*"] : path if var.api.cors != null],
      )
    }
  }

  method_paths = { for id, operation in local.operations : id => "${upper(operation.method)}${replace(operation.path, "/\\{[^}]*\\}/", "*")}" }

  allowed = [
    for kind, admitted in local.admitted : {
      Sid       = "Allow${title(kind)}"
      Effect    = "Allow"
      Principal = admitted.principal
      Action    = "execute-api:Invoke"
      Resource  = [for path in admitted.paths : "execute-api:/*/${path}"]
    } if length(admitted.paths) > 0
  ]

  denied = [
    for statement in [
      {
        Sid       = "DenyOtherEndpoints"
        Condition = { StringNotEquals = { "aws:SourceVpce" = local.vpc_endpoint_ids } }
        applies   = local.is_private
      },
      {
        Sid       = "DenyOtherNetworks"
        Condition = { NotIpAddress = { (local.is_private ? "aws:VpcSourceIp" : "aws:SourceIp") = var.api.allowed_networks } }
        applies   = length(var.api.allowed_networks) > 0
      },
      ] : {
      Sid       = statement.Sid
      Effect    = "Deny"
      Principal = "*"
      Action    = "execute-api:Invoke"
      Resource  = ["execute-api:/*"]
      Condition = statement.Condition
    } if statement.applies
  ]

  policy = local.is_restricted ? {
    Version   = "2012-10-17"
    Statement = concat(local.allowed, local.denied)
  } : null
}
