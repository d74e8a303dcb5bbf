output "state_machine_arn" {
  description = "ARN of the state machine."
  value       = aws_sfn_state_machine.pipeline.arn
}

output "function_arn" {
  description = "ARN of the function."
  value       = module.function.arn
}
