#!/usr/bin/env bash
# moto 5.2.5: a Kinesis shard iterator that was requested with StreamARN cannot be read. GetShardIterator accepts the ARN and
# returns an iterator, and GetRecords then fails with "Stream None … not found", as if the stream had been deleted. AWS
# recommends the ARN. With StreamName, alone or together with the ARN, moto returns the records.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet --disable-pip-version-check install moto==5.2.5 boto3==1.43.106

cat > "$folder/ask.py" <<'PROGRAM'
import boto3
from botocore.exceptions import ClientError
from moto import mock_aws

with mock_aws():
    kinesis = boto3.client("kinesis", region_name="eu-west-1", aws_access_key_id="test", aws_secret_access_key="test")
    kinesis.create_stream(StreamName="orders", ShardCount=1)
    kinesis.put_record(StreamName="orders", Data=b"1", PartitionKey="p")
    described = kinesis.describe_stream(StreamName="orders")["StreamDescription"]
    name, arn = {"StreamName": "orders"}, {"StreamARN": described["StreamARN"]}
    for label, stream in (("name", name), ("ARN", arn), ("both", name | arn)):
        shard = described["Shards"][0]["ShardId"]
        iterator = kinesis.get_shard_iterator(ShardId=shard, ShardIteratorType="TRIM_HORIZON", **stream)["ShardIterator"]
        try:
            print(f"{label}:", [record["Data"] for record in kinesis.get_records(ShardIterator=iterator)["Records"]])
        except ClientError as error:
            print(f"{label}:", error)
PROGRAM

seen=$("$folder/venv/bin/python" "$folder/ask.py")
echo "moto 5.2.5"
echo "$seen"
expected="name: [b'1']
ARN: An error occurred (ResourceNotFoundException) when calling the GetRecords operation: Stream None under account 123456789012 not found.
both: [b'1']"
if [ "$seen" != "$expected" ]; then
  echo "changed: expected" >&2
  echo "$expected" >&2
  exit 1
fi
