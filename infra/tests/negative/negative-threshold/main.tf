# A threshold that each data point exceeds.
module "deployment" {
  source = "../../../modules/deployment"

  environment      = "test"
  alarm_thresholds = { dead_letters = -1 }
}
