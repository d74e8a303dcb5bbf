# The stack without what is on by default.
module "interlock" {
  source = "../../stack"

  environment       = "test"
  dist_path         = "${path.module}/../zips"
  enable_job_events = false
}
