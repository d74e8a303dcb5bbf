# The orchestrator: it evaluates rules, starts jobs once, follows them and closes runs. The state machine calls it.

module "function" {
  source = "../../modules/lambda-function"

  deployment  = module.deployment
  service     = "orchestrator"
  description = "Interlock: evaluates rules, starts jobs once, follows them and closes runs."

  variables = merge(var.job_variables, local.names.table_variables, {
    SFN_TIMEOUT_SECONDS = tostring(var.sfn_timeout_seconds)
    JOB_EVENTS          = tostring(var.enable_job_events)
  })

  statements = concat(
    local.names.statements.control,
    local.names.statements.append_logs,
    local.names.statements.wakes,
    length(var.job_secret_arns) == 0 ? [] : [{
      Sid      = "JobSecrets"
      Effect   = "Allow"
      Action   = ["secretsmanager:GetSecretValue"]
      Resource = var.job_secret_arns
    }],
    length(var.job_secret_key_arns) == 0 ? [] : [{
      Sid      = "JobSecretKeys"
      Effect   = "Allow"
      Action   = ["kms:Decrypt"]
      Resource = var.job_secret_key_arns
    }],
  )
}
