# The settings of each function: its own entry of lambda_settings, then the entry all, then the defaults here.

locals {
  # A queue invokes at most 1000 functions at once. The alert-dispatcher has one more for its probe.
  defaults = {
    stream-router    = { timeout_seconds = 60, reserved_concurrency = 10, most_concurrency = 10000 }
    orchestrator     = { timeout_seconds = 300, reserved_concurrency = 10, most_concurrency = 10000 }
    sla-monitor      = { timeout_seconds = 60, reserved_concurrency = 5, most_concurrency = 10000 }
    watchdog         = { timeout_seconds = 240, reserved_concurrency = 2, most_concurrency = 10000 }
    event-sink       = { timeout_seconds = 60, reserved_concurrency = 5, most_concurrency = 1000 }
    alert-dispatcher = { timeout_seconds = 60, reserved_concurrency = 3, most_concurrency = 1001 }
  }

  # A run waits for these functions. The others report their failures, and must work while AWS restores nothing.
  snap_start_offered = ["orchestrator", "sla-monitor", "stream-router"]

  # A null counts as left out.
  entries = try({
    for entry, settings in var.lambda_settings : entry => { for name, value in settings : name => value if value != null } if settings != null
  }, {})
  given = { for service in keys(local.defaults) : service => merge(try(local.entries.all, {}), try(local.entries[service], {})) }

  functions = {
    for service, defaults in local.defaults : service => {
      memory_size          = try(local.given[service].memory_size, var.lambda_memory_size)
      timeout_seconds      = try(local.given[service].timeout_seconds, defaults.timeout_seconds)
      reserved_concurrency = try(local.given[service].reserved_concurrency, defaults.reserved_concurrency)
      log_retention_days   = try(local.given[service].log_retention_days, var.log_retention_days)
      vpc                  = try(local.given[service].vpc, null)
      tracing_mode         = try(local.given[service].tracing_mode, null)
      layers               = try(local.given[service].layers, [])
      snap_start           = try(local.given[service].snap_start, false)
      alias                = try(local.given[service].alias, false)

      error_threshold            = try(local.given[service].error_threshold, 0)
      throttle_threshold         = try(local.given[service].throttle_threshold, 0)
      duration_threshold_percent = try(local.given[service].duration_threshold_percent, 80)
    }
  }
}

locals {
  most = { for entry in keys(local.entries) : entry => try(local.defaults[entry].most_concurrency, 1000) }

  # The form of each setting, and whether the values of an entry have it.
  forms = {
    for entry, own in local.entries : entry => {
      memory_size = {
        ok   = try(own.memory_size >= 128 && own.memory_size <= 10240 && floor(own.memory_size) == own.memory_size, false)
        form = "whole MB from 128 to 10240"
      }
      timeout_seconds = {
        ok   = try(own.timeout_seconds >= 10 && own.timeout_seconds <= 900 && floor(own.timeout_seconds) == own.timeout_seconds, false)
        form = "whole seconds from 10 to 900"
      }
      reserved_concurrency = {
        ok   = try(own.reserved_concurrency == -1 || (own.reserved_concurrency >= 1 && own.reserved_concurrency <= local.most[entry] && floor(own.reserved_concurrency) == own.reserved_concurrency), false)
        form = "-1 or a whole number from 1 to ${local.most[entry]}"
      }
      log_retention_days = {
        ok   = contains(local.retentions, try(tonumber(own.log_retention_days), -1))
        form = "one that CloudWatch has: ${join(", ", slice(local.retentions, 1, length(local.retentions)))}, or 0 for ever"
      }
      vpc = {
        ok = try(alltrue(concat(
          [toset(keys(own.vpc)) == toset(["subnet_ids", "security_group_ids"]), length(own.vpc.subnet_ids) > 0, length(own.vpc.security_group_ids) > 0],
          [for id in own.vpc.subnet_ids : can(regex("^subnet-[0-9a-f]{8,17}$", id))],
          [for id in own.vpc.security_group_ids : can(regex("^sg-[0-9a-f]{8,17}$", id))],
        )), false)
        form = "{ subnet_ids, security_group_ids } with ids such as subnet-0a1b2c3d4e5f60718 and sg-0a1b2c3d4e5f60718"
      }
      tracing_mode = {
        ok   = contains(["Active", "PassThrough"], try(tostring(own.tracing_mode), ""))
        form = "Active or PassThrough"
      }
      layers = {
        ok   = try(length(own.layers) <= 5 && alltrue([for arn in own.layers : can(regex("^arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:layer:[A-Za-z0-9_-]+:[0-9]+$", arn))]), false)
        form = "at most five ARNs of layer versions, such as arn:aws:lambda:eu-west-1:123456789012:layer:collector:3"
      }
      snap_start = {
        ok   = try(contains(["true", "false"], jsonencode(own.snap_start)) && (!own.snap_start || contains(local.snap_start_offered, entry)), false)
        form = "true or false, and true only for ${join(", ", local.snap_start_offered)}"
      }
      # Before and after SnapStart, the function has the alias, and no invoker names it.
      alias = {
        ok   = try(contains(["true", "false"], jsonencode(own.alias)) && (!own.alias || contains(local.snap_start_offered, entry)), false)
        form = "true or false, and true only for ${join(", ", local.snap_start_offered)}"
      }
      error_threshold    = { ok = try(own.error_threshold >= 0, false), form = "a number of at least 0" }
      throttle_threshold = { ok = try(own.throttle_threshold >= 0, false), form = "a number of at least 0" }
      duration_threshold_percent = {
        ok   = try(own.duration_threshold_percent >= 1 && own.duration_threshold_percent <= 100, false)
        form = "a percentage of the timeout from 1 to 100"
      }
    }
  }
  problems = concat(
    [
      for entry in keys(local.entries) : "lambda_settings has no service ${entry}, must be all or one of ${join(", ", keys(local.defaults))}."
      if !contains(concat(["all"], keys(local.defaults)), entry)
    ],
    flatten([for entry, own in local.entries : [
      for name, value in own : contains(keys(local.forms[entry]), name)
      ? "${name} of ${entry} is ${jsonencode(value)}, must be ${local.forms[entry][name].form}."
      : "lambda_settings.${entry} has no setting ${name}, must be one of ${join(", ", keys(local.forms[entry]))}."
      if !try(local.forms[entry][name].ok, false)
    ]]),
    # Its credentials are those of the snapshot, and expire.
    flatten([for service, settings in local.functions : [
      for arn in try(settings.layers, []) : "snap_start of ${service} does not work with the layer ${arn}. Leave one of them out."
      if try(settings.snap_start && strcontains(arn, ":layer:AWS-Parameters-and-Secrets-Lambda-Extension"), false)
    ]]),
  )
}
