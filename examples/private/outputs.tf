output "api_url" {
  description = "URL of the API, within the VPC."
  value       = module.ml.api_url
}
