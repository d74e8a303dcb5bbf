# The SLA monitor: sets timers, and is invoked by them.

module "function" {
  source = "../../modules/lambda-function"

  deployment      = module.deployment
  service         = "sla-monitor"
  description     = "Interlock: sets SLA timers, fires and settles them."
  is_asynchronous = true

  variables = merge(local.names.table_variables, local.names.timer_variables)

  statements = concat(
    local.names.statements.control,
    local.names.statements.read_logs,
    local.names.statements.timers,
  )
}
