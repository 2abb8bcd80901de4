# From where the API can be reached, and by whom besides the account's own principals.
data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  is_private       = var.api.private != null
  endpoint_type    = local.is_private ? "PRIVATE" : "REGIONAL"
  vpc_endpoint_ids = try(var.api.private.vpc_endpoint_ids, [])

  account_id      = data.aws_caller_identity.current.account_id
  own_authorizers = [for group, arn in local.authorizers : group if arn[4] == local.account_id]

  # An Allow for everyone would stand in for what else has to let a caller in: for the own permission of whoever signs, and for the policy
  # that an authorizer function of this account answers. One of another account needs it beside its own.
  # https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-authorization-flow.html
  admitted = {
    signed = {
      principal = { AWS = concat(["arn:${data.aws_partition.current.partition}:iam::${local.account_id}:root"], var.api.allowed_principals) }
      paths     = ["*"]
    }
    others = {
      principal = "*"
      paths = concat(
        [for id, path in local.method_paths : path if local.authorizations[local.groups[id]].type != "AWS_IAM" && !contains(local.own_authorizers, local.groups[id])],
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
      paths     = admitted.paths
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
      paths     = ["*"]
      Condition = statement.Condition
    } if statement.applies
  ]

  access_rules = concat(local.allowed, local.denied)
}

# Apart from the document: on its next change the provider would put back the policy that it has read before. There is one even where
# nothing is restricted: a policy acts once it is deployed, and Terraform would remove it after that deployment.
resource "aws_api_gateway_rest_api_policy" "this" {
  rest_api_id = aws_api_gateway_rest_api.this.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      for rule in local.access_rules : merge(
        { for name, value in rule : name => value if name != "paths" },
        { Resource = [for path in rule.paths : path == "*" ? "${aws_api_gateway_rest_api.this.execution_arn}/*" : "${aws_api_gateway_rest_api.this.execution_arn}/*/${path}"] },
      )
    ]
  })
}
