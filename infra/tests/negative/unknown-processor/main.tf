# A processor that Lambda does not have.
module "deployment" {
  source = "../../../modules/deployment"

  environment         = "test"
  lambda_architecture = "amd64"
}
