output "control_table" {
  description = "Name of the table for pipelines and sensors."
  value       = module.interlock.tables["control"]
}
