# A trigger that is enabled without the jobs that it may start.
module "interlock" {
  source = "../../../stack"

  environment         = "test"
  dist_path           = "${path.module}/../../zips"
  enable_glue_trigger = true
}
