# A pipeline file with an error gets no receipt.
module "interlock" {
  source = "../../../stack"

  environment    = "test"
  dist_path      = "${path.module}/../../zips"
  pipelines_path = "${path.module}/pipelines"
}
