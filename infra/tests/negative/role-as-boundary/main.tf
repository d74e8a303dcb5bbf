# A role where a policy is needed.
module "deployment" {
  source = "../../../modules/deployment"

  environment              = "test"
  permissions_boundary_arn = "arn:aws:iam::123456789012:role/boundary"
}
