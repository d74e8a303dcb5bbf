# The name of a channel.
module "interlock" {
  source = "../../../stack"

  environment      = "test"
  dist_path        = "${path.module}/../../zips"
  slack_channel_id = "#alerts"
}
