# A schedule in words.
module "interlock" {
  source = "../../../stack"

  environment       = "test"
  dist_path         = "${path.module}/../../zips"
  watchdog_schedule = "every 5 minutes"
}
