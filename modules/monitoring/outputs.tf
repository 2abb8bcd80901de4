output "alarm_arns" {
  description = "ARN of each alarm, by what it watches."
  value       = merge({ for key, alarm in local.every_alarm : key => alarm.arn }, { for alarm in aws_cloudwatch_composite_alarm.this : "any" => alarm.arn })
}

output "dashboard_url" {
  description = "Where the console shows the dashboard. Null when there is none."
  value       = one([for dashboard in aws_cloudwatch_dashboard.this : "https://${local.region}.console.aws.amazon.com/cloudwatch/home?region=${local.region}#dashboards/dashboard/${dashboard.dashboard_name}"])
}
