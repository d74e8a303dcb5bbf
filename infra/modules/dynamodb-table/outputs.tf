output "arn" {
  description = "ARN of the table."
  value       = aws_dynamodb_table.this.arn
}

output "stream_arn" {
  description = "ARN of the table's stream. It exists only if the table has a stream."
  value       = aws_dynamodb_table.this.stream_arn
}
