# A role of a service that does not exist.
module "deployment" {
  source = "../../../modules/deployment"

  environment = "test"
  role_arns   = { router = "arn:aws:iam::123456789012:role/router" }
}
