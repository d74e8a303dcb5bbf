# A pipeline file that changed after its validation.
module "interlock" {
  source = "../../../stack"

  environment    = "test"
  dist_path      = "${path.module}/../../zips"
  pipelines_path = "${path.module}/pipelines"
}
