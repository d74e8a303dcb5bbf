dist_path                = "../../tests/zips"
alarm_email              = "data@example.com"
slack_channel_id         = "C0123456789"
subnet_ids               = ["subnet-0a1b2c3d4e5f60718"]
security_group_ids       = ["sg-0a1b2c3d4e5f60718"]
producer_role_name       = "orders-feed"
permissions_boundary_arn = "arn:aws:iam::000000000000:policy/boundary"
