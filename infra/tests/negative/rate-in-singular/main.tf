# A number of minutes in the singular, which EventBridge rejects.
module "interlock" {
  source = "../../../stack"

  environment       = "test"
  dist_path         = "${path.module}/../../zips"
  watchdog_schedule = "rate(5 minute)"
}
