output "arns" {
  description = "ARNs of the policies: reader, operator, table-sensor-writer, and inbox-sensor-writer with an inbox."
  value = {
    for name in keys(local.policies) :
    name => "arn:${local.names.partition}:iam::${local.names.account_id}:policy${var.deployment.iam_path}${local.names.prefix}-${name}"
  }
  depends_on = [aws_iam_policy.this]
}
