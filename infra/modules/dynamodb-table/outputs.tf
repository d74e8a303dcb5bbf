output "arn" {
  description = "ARN of the table."
  value       = aws_dynamodb_table.this.arn
}

output "stream_arn" {
  description = "ARN of the table's stream. It exists only if the table has a stream."
  value       = aws_dynamodb_table.this.stream_arn
}

output "alarm_names" {
  description = "Names of the table's alarms."
  value       = [aws_cloudwatch_metric_alarm.throttles.alarm_name]
}
