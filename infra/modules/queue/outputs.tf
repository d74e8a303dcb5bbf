output "arn" {
  description = "ARN of the queue, once it exists."
  value       = var.arn
  depends_on  = [aws_sqs_queue.this]
}

output "url" {
  description = "URL of the queue."
  value       = aws_sqs_queue.this.url
}

output "alarm_names" {
  description = "Names of the queue's alarms."
  value       = aws_cloudwatch_metric_alarm.depth[*].alarm_name
}
