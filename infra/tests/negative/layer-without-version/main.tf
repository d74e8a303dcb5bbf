# A layer instead of one of its versions.
module "deployment" {
  source = "../../../modules/deployment"

  environment     = "test"
  lambda_settings = { all = { layers = ["arn:aws:lambda:eu-west-1:123456789012:layer:collector"] } }
}
