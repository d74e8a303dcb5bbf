# An argument that the stack does not have.
module "interlock" {
  source = "../../../stack"

  environment      = "test"
  dist_path        = "${path.module}/../../zips"
  watchdog_shedule = "rate(5 minutes)"
}
