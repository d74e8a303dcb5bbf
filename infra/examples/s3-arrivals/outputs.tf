output "function_arn" {
  description = "ARN of the function."
  value       = aws_lambda_function.this.arn
}

output "dead_letter_queue_url" {
  description = "URL of the queue with the events that failed."
  value       = module.dead_letters.url
}
