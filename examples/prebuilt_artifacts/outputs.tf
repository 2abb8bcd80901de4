output "api_url" {
  description = "URL of the API."
  value       = module.ml.api_url
}
