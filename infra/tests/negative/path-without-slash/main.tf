# A path that IAM rejects.
module "deployment" {
  source = "../../../modules/deployment"

  environment = "test"
  iam_path    = "/data"
}
