#!/usr/bin/env bash
# A field of type `msgspec.Raw` keeps a JSON value undecoded, whatever the value is. `Raw | None` reads as "any value, or
# nothing", but it takes null only: each other value is "Expected `null`". The union also encodes without complaint, so
# that a file can be written and not read again. A plain `Raw` with a default of b"null" does what the union promises.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet --disable-pip-version-check install msgspec==0.22.0

cat > "$folder/ask.py" <<'PROGRAM'
import msgspec
from msgspec import Raw, Struct


class Either(Struct):
    image: Raw | None = None


class Plain(Struct):
    image: Raw = Raw(b"null")


for kind in (Either, Plain):
    text = msgspec.json.encode(kind(Raw(b'{"n":1}')))
    try:
        read = bytes(msgspec.json.decode(text, type=kind).image)
    except msgspec.ValidationError as error:
        read = str(error)
    print(kind.__name__, text, read)
print("null:", msgspec.json.decode(b'{"image":null}', type=Either).image)
PROGRAM

seen=$("$folder/venv/bin/python" "$folder/ask.py")
echo "$seen"
expected="Either b'{\"image\":{\"n\":1}}' Expected \`null\`, got \`object\` - at \`\$.image\`
Plain b'{\"image\":{\"n\":1}}' b'{\"n\":1}'
null: None"
if [ "$seen" != "$expected" ]; then
  echo "changed: expected" >&2
  echo "$expected" >&2
  exit 1
fi
