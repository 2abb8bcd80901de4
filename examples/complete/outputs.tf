output "api_url" {
  description = "URL of the API."
  value       = module.ml.api_url
}

output "api_keys" {
  description = "Value of each API key, by usage plan and key."
  value       = module.ml.api_keys
  sensitive   = true
}
