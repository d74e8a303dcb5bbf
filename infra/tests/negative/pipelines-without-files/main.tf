# A folder without pipeline files.
module "interlock" {
  source = "../../../stack"

  environment    = "test"
  dist_path      = "${path.module}/../../zips"
  pipelines_path = "${path.module}/../../zips"
}
