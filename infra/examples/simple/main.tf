# The smallest deployment that does work: it starts one Lambda job and only logs its alerts. Everything else has its default.
#
#   interlock build --out dist
#   terraform -chdir=infra/examples/simple init
#   terraform -chdir=infra/examples/simple apply -var dist_path="$PWD/dist"

module "interlock" {
  source = "../../stack"

  environment = "example"
  dist_path   = var.dist_path

  enable_lambda_trigger = true
  lambda_trigger_arns   = ["arn:aws:lambda:${var.region}:123456789012:function:load-orders"] # your function
}
