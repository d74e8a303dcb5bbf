# The alias of a function with SnapStart. Each change of the function publishes a version, and the alias moves to it when AWS
# has its snapshot.

locals {
  has_alias = contains(keys(local.names.alias_arns), var.service)

  # The code of the function, for a condition of its role. AWS may name the version of a published function.
  code_arns = merge(
    { NoNetworkByTheCode = local.names.function_arns[var.service] },
    local.has_alias ? { NoNetworkByTheVersions = "${local.names.function_arns[var.service]}:*" } : {},
  )
}

resource "aws_lambda_alias" "live" {
  count = local.has_alias ? 1 : 0

  name             = local.names.alias
  description      = "The newest version of ${local.name}."
  function_name    = aws_lambda_function.this.function_name
  function_version = aws_lambda_function.this.version
}

# The settings of asynchronous events belong to the function without an alias, or to one alias.
resource "aws_lambda_function_event_invoke_config" "live" {
  count = var.is_asynchronous && local.has_alias ? 1 : 0

  function_name                = aws_lambda_function.this.function_name
  qualifier                    = aws_lambda_alias.live[0].name
  maximum_retry_attempts       = 2
  maximum_event_age_in_seconds = var.maximum_event_age_seconds
}
