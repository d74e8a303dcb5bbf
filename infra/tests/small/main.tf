# The stack without the options that are on by default.
module "interlock" {
  source = "../../stack"

  environment       = "test"
  dist_path         = "${path.module}/../zips"
  enable_job_events = false
  enable_canary     = false
  enable_dashboard  = false
}
