output "arn" {
  description = "ARN of the queue, once it exists."
  value       = var.arn
  depends_on  = [aws_sqs_queue.this]
}
