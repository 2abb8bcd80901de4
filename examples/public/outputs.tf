output "api_url" {
  description = "URL of the API."
  value       = module.ml.api_url
}

output "domain_target" {
  description = "Name and hosted zone that an alias record of the domain points at."
  value       = module.ml.domain_target
}
