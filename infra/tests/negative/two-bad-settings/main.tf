# Two settings that Lambda does not have: both are named.
module "interlock" {
  source = "../../../stack"

  environment     = "test"
  dist_path       = "${path.module}/../../zips"
  lambda_settings = { watchdog = { timeout_seconds = 1000, log_retention_days = 10 } }
}
