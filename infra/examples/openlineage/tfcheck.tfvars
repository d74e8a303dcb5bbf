environment            = "test"
zip_path               = "../../tests/zips/watchdog.zip"
openlineage_url        = "https://lineage.example.com"
openlineage_secret_arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:openlineage-AbCdEf"
