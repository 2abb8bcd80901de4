output "alarm_arns" {
  description = "ARN of each alarm, by metric and function."
  value       = merge({ for key, alarm in local.every_alarm : key => alarm.arn }, { for alarm in aws_cloudwatch_composite_alarm.this : "any" => alarm.arn })
}

output "dashboard_url" {
  description = "URL of the dashboard in the console. Null without a dashboard, or in a partition whose console this module does not know."
  value       = one([for dashboard in aws_cloudwatch_dashboard.this : local.console_host == null ? null : "https://${local.region}.${local.console_host}/cloudwatch/home?region=${local.region}#dashboards/dashboard/${dashboard.dashboard_name}"])
}
