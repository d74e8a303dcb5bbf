# A cron expression without a year.
module "interlock" {
  source = "../../../stack"

  environment       = "test"
  dist_path         = "${path.module}/../../zips"
  watchdog_schedule = "cron(0/5 * * * ?)"
}
