output "function_arn" {
  description = "ARN of the function."
  value       = module.function.arn
}
