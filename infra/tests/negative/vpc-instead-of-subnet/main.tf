# A VPC where subnets are needed.
module "interlock" {
  source = "../../../stack"

  environment     = "test"
  dist_path       = "${path.module}/../../zips"
  lambda_settings = { orchestrator = { vpc = { subnet_ids = ["vpc-0a1b2c3d4e5f60718"], security_group_ids = ["sg-0a1b2c3d4e5f60718"] } } }
}
