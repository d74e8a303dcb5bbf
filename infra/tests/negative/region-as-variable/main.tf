# A variable that Lambda sets itself.
module "interlock" {
  source = "../../../stack"

  environment           = "test"
  dist_path             = "${path.module}/../../zips"
  environment_variables = { AWS_REGION = "eu-west-1" }
}
