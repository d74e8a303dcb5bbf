# A processor that Lambda does not have.
module "interlock" {
  source = "../../../stack"

  environment         = "test"
  dist_path           = "${path.module}/../../zips"
  lambda_architecture = "amd64"
}
