# A threshold of no alarm.
module "deployment" {
  source = "../../../modules/deployment"

  environment      = "test"
  alarm_thresholds = { dead_leters = 5 }
}
