# The settings that all parts of a deployment share: checked, with their defaults. It makes no resource.

module "names" {
  source = "../names"

  environment = var.environment
  iam_path    = var.iam_path
  role_arns   = var.role_arns
  queue_arns  = var.queue_arns

  snap_start_services = [for service, settings in local.functions : service if try(tobool(settings.snap_start), false)]
  aliased_services    = [for service, settings in local.functions : service if try(tobool(settings.snap_start) || tobool(settings.alias), false)]
}

locals {
  # The lifetimes that CloudWatch has for logs, in days. 0: for ever.
  retentions = [0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653]
}

locals {
  # A metric above its threshold raises the alarm.
  thresholds = merge({
    alert_age_seconds  = 900
    canary_seconds     = 60
    dead_letters       = 0
    rule_failures      = 0
    stream_age_seconds = 300
    table_throttles    = 0
    timer_failures     = 0
  }, { for name, threshold in var.alarm_thresholds : name => threshold if threshold != null })
}
