# Folders that were validated one by one.
module "interlock" {
  source = "../../../stack"

  environment    = "test"
  dist_path      = "${path.module}/../../zips"
  pipelines_path = "${path.module}/pipelines"
  calendars_path = "${path.module}/calendars"
}
