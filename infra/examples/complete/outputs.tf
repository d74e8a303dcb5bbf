output "sensor_inbox_url" {
  description = "URL of the queue for producers."
  value       = module.interlock.sensor_inbox_url
}

output "dashboard" {
  description = "Name of the dashboard."
  value       = module.interlock.dashboard
}
