"""Values that a problem never shows: headers, user and password of a URL, and values named like a secret."""

import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from interlock_config import ConfigError, Problem, check, decode_json, decode_yaml, review
from interlock_sla import Calendar

SECRET = "s3cretx9"
USER = "u5er7"
FRAME = """
pipeline: {id: orders}
schedule: {cron: "0 8 * * *"}
validation: {rules: [{key: orders, check: exists}]}
"""


def lines(text: str, hidden: tuple[str, ...] = (SECRET, USER)) -> list[str]:
    """The messages about a file. Neither they nor other formats of a problem show hidden text."""
    found = review({"orders.yaml": text}).problems
    for problem in found:
        for shown in (str(problem), repr(problem), msgspec.json.encode(problem).decode()):
            assert not any(text in shown for text in hidden)
    return [str(problem).partition(": ")[2] for problem in found]


def of_job(job: str) -> list[str]:
    return lines(f"{FRAME}job: {{{job}}}\n")


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (
            "{url: “https://u5er7:s3cretx9@h/x”}",
            'job.config.url = "“https://…@h/x”": must be a URL that begins with https:// or http:// and a host; '
            "it has typographic quotes: did you mean https://…@h/x?",
        ),
        (
            "{url:https://u5er7:s3cretx9@h/x}",
            'job.config["url:…"]: is not a known key; a colon needs a space after it: url: …',
        ),
        (
            "{url:https://u5er7: s3cretx9}",
            'job.config["url:…"] = "…": is not a known key; a colon needs a space after it: url: …',
        ),
        (
            '{url: "https://h/x", uri:u5er7: s3cretx9, timeout: {https://u5er7: s3cretx9}}',
            'job.config["uri:…"] = "…": is not a known key; known here: url, method, headers, body, timeout',
        ),
        (
            '{url: "https://h/x", headers: {"Authorization: Bearer s3cretx9"}}',
            'job.config.headers["Authorization:…"]: has no value; give one, or leave the key out',
        ),
        (
            '{url: "https://h/x", headers: {Authorization:Bearer s3cretx9}}',
            'job.config.headers["Authorization:…"]: has no value; give one, or leave the key out',
        ),
        (
            '{url: "https://h/x", headers: {Bearer s3cretx9}}',
            'job.config.headers["…"]: has no value; give one, or leave the key out',
        ),
        (
            '{url: "https://h/x", headers: {Authorization: Basic a,s3cretx9}}',
            'job.config.headers["…"]: has no value; give one, or leave the key out',
        ),
        (
            '{url: "https://h/x", headers: {Authorization: ,s3cretx9“}}',
            'job.config.headers["…"]: has no value; give one, or leave the key out',
        ),
        (
            '{url: "https://h/x", headers: {Authorization: }}',
            "job.config.headers.Authorization: has no value; give one, or leave the key out",
        ),
        (
            '{url: "https://h/x", headers: {Authorization: Basic a,s3cretx9,s3cretx9}}',
            'job.config.headers["…"]: is given twice; first on line 5',
        ),
        (
            "{url: 'https://h/x', method: a,s3cretx9}",
            'job.config["…"]: is not a known key; known here: url, method, headers, body, timeout; '
            "it has no value: a value that holds a comma needs quotes",
        ),
        (
            '{url: "https://h/x", headers: {X-Key=s3cretx9: [a]}}',
            'job.config.headers["X-Key=…"] = "…": must be text',
        ),
        (
            '{url: "https://h/x", headers: {Authorization: *s3cretx9}}',
            "the alias *… has no complete anchor before it",
        ),
        (
            '{url: "https://h/x", headers: {Authorization: !s3cretx9 x}}',
            'job.config.headers.Authorization = "…": has the tag …; tags are not allowed',
        ),
        (
            '{url: "https://h/x", headers: {Authorization: !s3cretx9 {a: b}}}',
            "job.config.headers.Authorization: has the tag …; tags are not allowed",
        ),
        (
            '{url: "https://h/x", timeout: {"Authorization: Bearer s3cretx9": 1, cookie: 2, at: ["me:s3cretx9@h"]}}',
            'job.config.timeout = {"Authorization:…":"…","cookie":"…","at":["…@h"]}: '
            "must be a number of seconds above 0, at most 900, or a duration such as 30s",
        ),
        (
            '{url: "https://h/x", timeout: {token: a,s3cretx9}}',
            'job.config.timeout = {"token":"…","…":null}: '
            "must be a number of seconds above 0, at most 900, or a duration such as 30s",
        ),
        (
            '{url: "https://h/x", "u5er7:s3cretx9@h": x}',
            'job.config["…"] = "x": is not a known key; known here: url, method, headers, body, timeout',
        ),
        (
            '{url: "https://h/x", haeders: {X: s3cretx9}}',
            'job.config.haeders = "…": is not a known key; did you mean headers?',
        ),
    ],
)
def test_a_problem_names_the_place_of_a_secret_only(config: str, said: str) -> None:
    assert said in of_job(f"type: http, config: {config}")


def test_an_ambiguous_word_in_a_secret_is_not_shown() -> None:
    for value in ("0123456", "yes"):
        payload = f"{{password: {value}, date: '${{INTERLOCK_DATE}}'}}"
        [said] = of_job(f"type: lambda, config: {{functionName: f, payload: {payload}}}")
        assert said.startswith('job.config.payload.password = "…": is sent as the text "…"; write it in quotes, or ')
        assert value not in said.replace('"…"', "")


def test_an_alias_outside_of_secrets_keeps_its_name() -> None:
    assert of_job("type: http, config: *common") == ["the alias *common has no complete anchor before it"]


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("https://u5er7:s3cretx9@h/x y", "https://…@h/x y"),
        ("https://u5er7:pa/s3cretx9@h/x y", "https://…@h/x y"),
        ("https://u5er7:p@s3cretx9@h/x y", "https://…@h/x y"),
        ("https://u5er7:pa s3cretx9@h/x", "https://…@h/x"),
        (f"https://u5er7:{'x' * 600}s3cretx9@h y", "https://…@h y"),
        ("https:/u5er7:s3cretx9@h/x", "…@h/x"),
        ("http//u5er7:s3cretx9@h/x", "…@h/x"),
        ("u5er7:s3cretx9@h", "…@h"),
        ("s3cretx9@h", "…@h"),
        ("https://u5er7 s3cretx9@h", "https://…@h"),
        ("ftp://u5er7:s3cretx9@h", "ftp://…@h"),
        ("u5er7://s3cretx9@h", "…@h"),
        ("ftp://h/x?token=s3cretx9", "ftp://h/x?token=…"),
        ("ftp://h/x?sv=1&sig=s3cretx9", "ftp://h/x?sv=1&sig=…"),
        ("https://u5er7:s3cretx9", "https://…"),
        ("http:/u5er7:s3cretx9", "http:/…"),
        ("http//u5er7:s3cretx9", "http//…"),
        ("u5er7:s3cretx9", "…"),
        ("https:/u5er7:/s3cretx9", "https:/…"),
        ("http//u5er7:/s3cretx9", "http//…"),
        ("u5er7:/s3cretx9", "…"),
        ("ftp://u5er7:s3cretx9/x", "ftp://…"),
        ("http:/h/x", "http:/h/x"),
        ("ftp:h/x", "…"),
        ("h:80/x", "h:80/x"),
        ("ftp://h:8080/x", "ftp://h:8080/x"),
        ("ftp://${INTERLOCK_A}:${INTERLOCK_B}/", "ftp://${INTERLOCK_A}:${INTERLOCK_B}/"),
    ],
)
def test_user_and_password_of_an_address_are_not_shown(written: str, shown: str) -> None:
    for key in ("url", "uri", "ulr"):
        [said] = [line for line in of_job(f"type: http, config: {{{key}: {json.dumps(written)}}}") if " = " in line]
        assert said.startswith(f"job.config.{key} = {json.dumps(shown, ensure_ascii=False)}: ")


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("load 'https://u5er7:s3cretx9@h/x", "load 'https://…@h/x"),
        ("load 'u5er7:s3cretx9@h", "load …@h"),
        ("curl -H 'Authorization: Bearer s3cretx9", "curl -H 'Authorization: …"),
        ("curl -H 'x: Bearer s3cretx9", "curl -H 'x: Bearer …"),
        ("curl -H 'x: basic s3cretx9", "curl -H 'x: basic …"),
        ("load --password s3cretx9 '", "load --password …"),
        ("load '--db-pwd s3cretx9", "load '--db-pwd …"),
        ("load --api_key=s3cretx9 '", "load --api_key=…"),
        ('load \'{"client_secret": "s3cretx9"}', 'load \'{"client_secret": "…'),
        ("PGPASSWORD=s3cretx9 load '", "PGPASSWORD=…"),
        ("load 'https://u5er7:s3cretx9", "load 'https://…"),
        ("load 'https://u5er7:/s3cretx9", "load 'https://…"),
        ("load 'https://h:80", "load 'https://h:80"),
        ("mail 'me@example.com", "mail 'me@example.com"),
        ("load 'at 10:00", "load 'at 10:00"),
        ("load 'tokens", "load 'tokens"),
    ],
)
def test_text_after_the_name_of_a_secret_is_not_shown(written: str, shown: str) -> None:
    [said] = of_job(f"type: command, config: {{command: {json.dumps(written)}}}")
    assert said == f"job.config.command = {json.dumps(shown, ensure_ascii=False)}: has a quote that is not closed"


@pytest.mark.parametrize(
    "name",
    [
        *(
            "Authorization",
            "authorisation",
            "token",
            "refreshToken",
            "password",
            "passwd",
            "passphrase",
            "pass",
            "db_pwd",
        ),
        *("pwd", "client_secret", "credentials", "apiKey", "api-key", "private_key", "privateKey", "access.key", "sas"),
        *("accountKey", "sharedKey", "sas_url", "sig", "signature", "X-Amz-Signature", "auth", "basic-auth", "bearer"),
        *("cookie", "Set-Cookie", "requestHeaders", "haeders"),
    ],
)
def test_values_of_keys_named_like_secrets_are_not_shown(name: str) -> None:
    [inside] = of_job(
        f'type: http, config: {{url: "https://h", method: {{"{name}": s3cretx9, b: [{{"{name}": s3cretx9}}]}}}}'
    )
    assert f'"{name}":"…","b":[{{"{name}":"…"}}]}}: must be one of' in inside
    [below] = of_job(f"type: lambda, config: {{functionName: f, payload: {{{name}: [!x s3cretx9]}}}}")
    assert ' = "…": has the tag …; tags are not allowed' in below


@pytest.mark.parametrize(
    "name",
    [
        *(
            "pasword",
            "passwrod",
            "paswd",
            "db_pasword",
            "dbPasword",
            "tokn",
            "accessTokne",
            "secrt",
            "SCERET",
            "api_kye",
        ),
        *("autorization", "authorizaton", "credntials", "cokie", "signatrue", "bearr", "private-kye", "hedaers"),
    ],
)
def test_values_of_misspelt_secrets_are_not_shown(name: str) -> None:
    assert any(
        "is not a known key" in line for line in lines(f"{FRAME}job: {{type: http, config: {{}}}}\n{name}: {SECRET}\n")
    )
    assert of_job(f"type: http, config: {{url: 5, body: {{{name}: {SECRET}}}, {name}: {SECRET}}}")
    assert lines(f"{FRAME}job: {{type: command, config: {{command: [run --{name} {SECRET}]}}}}\n")
    assert lines(f"{FRAME}job: {{type: command, config: {{command: [run {name}={SECRET}]}}}}\n")


@pytest.mark.parametrize("name", ["taken", "broken", "target", "reader", "socket", "section", "nature", "database"])
def test_values_of_names_that_only_resemble_secrets_are_shown(name: str) -> None:
    (line,) = lines(f"{FRAME}job: {{type: command, config: {{command: [run {name}=orders]}}}}\n")
    assert f"{name}=orders" in line


@pytest.mark.parametrize("name", ["design", "assign", "passenger", "author", "compass", "key", "sasha"])
def test_values_of_other_keys_are_shown(name: str) -> None:
    [said] = of_job(f"type: http, config: {{url: 'https://h', method: {{{name}: value}}}}")
    assert said.startswith(f'job.config.method = {{"{name}":"value"}}: ')


def test_addresses_in_rules_calendars_and_crons_are_not_shown() -> None:
    address = "https://u5er7:s3cretx9@h"
    rules = ", ".join(f'{{key: "{address}", check: equals, field: f, value: "{value}"}}' for value in (address, "b"))
    text = f"""
pipeline: {{id: orders}}
schedule: {{calendar: "{address}", trigger: {{key: b, check: exists}}}}
validation: {{rules: [{rules}]}}
job: {{type: command, config: {{command: load}}}}
"""
    said = " ".join(lines(text))
    assert said.count("https://…@h") == 3  # the calendar, the keys that the rules read, the rule that is excluded
    [cron] = lines(
        f"{FRAME.replace('0 8 * * *', f'{address} 8 * * *')}job: {{type: command, config: {{command: load}}}}"
    )
    assert cron == 'schedule.cron = "https://…@h 8 * * *": must be five cron fields'
    [meant, _] = lines(f"{FRAME.replace('{cron: ', '{trigger: ').replace('0 8 * * *', address)}job: {{type: command}}")
    assert meant.endswith('write {key: "https://…@h"}')


def test_a_suggested_calendar_does_not_show_an_address() -> None:
    config = decode_yaml(
        f"{FRAME}job: {{type: command, config: {{command: load}}}}".replace(
            '"0 8 * * *"', '"0 8 * * *", calendar: "https://u5er7:s3cretx9@g"'
        )
    )
    name = "https://u5er7:s3cretx9@h"
    [problem] = check(config, {name: Calendar(name)})
    assert str(problem).endswith("did you mean https://…@h?")
    with pytest.raises(ConfigError) as caught:
        config.exclusions({})
    assert SECRET not in repr(caught.value.problems)


def test_json_errors_and_repeated_keys_show_no_secrets() -> None:
    with pytest.raises(ConfigError) as caught:
        decode_json('{"headers": {"Authorization: Bearer s3cretx9": 1, "Authorization: Bearer s3cretx9": 2}}')
    assert str(caught.value) == 'headers["Authorization:…"]: is given twice in the same mapping'


def test_a_too_deeply_nested_value_is_not_shown() -> None:
    deep: Any = "https://u5er7:s3cretx9@h"
    for _ in range(400):
        deep = [deep]
    text = json.dumps({"job": {"type": "glue", "config": {"jobName": "a", "job_name": deep}}})
    with pytest.raises(ConfigError) as caught:
        decode_json(text)
    assert SECRET not in repr(caught.value.problems)
    [value] = [problem.value for problem in caught.value.problems if problem.path == "job.config.job_name"]
    for _ in range(32):
        [value] = value
    assert value == "…"


def test_only_the_beginning_of_a_long_text_is_kept() -> None:
    [problem] = review(
        {"a.yaml": f"{FRAME.replace('orders}', 'x' * 5_000 + '}')}job: {{type: command, config: {{command: a}}}}"}
    ).problems
    assert problem.value == "x" * 1_000 + "…"


def test_shown_text_is_shown_unchanged() -> None:
    for value in ("https://…@h/x", "…@h", "token=…", "https://…", "Bearer …", "load --password …"):
        assert str(Problem("", "a", value, "b")) == f"a = {json.dumps(value, ensure_ascii=False)}: b"


HOST_PORT_ENDS = re.compile(r"[0-9]{1,5}[^0-9]")
AROUND = st.text(" :/@=?&#*!'\"“”{}[]-,.%$|>\\abhx09", max_size=6)
SECRET_PLACES = st.sampled_from(
    [
        "config: {{url: 'https://h', headers: {{Authorization: {0}}}}}",
        "config: {{url: 'https://h', headers: {{Authorization:{0}}}}}",
        "config: {{url: 'https://h', headers: {0}}}",
        "config: {{url: 'https://h', haeders: {{X: {0}}}}}",
        "config: {{url: 'https://h', timeout: {{token: {0}}}}}",
        "config: {{url: 'https://h', body: {{password: {0}, password: {0}}}}}",
        "config: {{url: 'https://h', body: {{password: {{a: {0}, a: {0}}}}}}}",
        "config: {{url: https://u5er7:{0}@h/x}}",
        "config: {{url:https://u5er7:{0}@h/x}}",
        "config: {{url: https://u5er7:{0}@h/x, uri: u5er7:{0}@h}}",
        "config: {{url: https:/u5er7:{0}@h/x}}",
        "config: {{url: http//u5er7:{0}@h/x, timeout: {{url: u5er7:{0}@h}}}}",
        "config:\n    url: https://u5er7:{0}@h/x\n    timeout: https://u5er7:{0}@h/x",
        "config:\n    headers:\n      Authorization: {0}\n      X-Key: [{0}]",
        "config:\n    headers:\n      - Authorization: {0}",
        "config:\n    headers:\n      - 'Authorization: {0}'",
        "headers: {{Authorization: Bearer {0}}}",
        "password: {0}",
    ]
)


@given(place=SECRET_PLACES, before=AROUND, behind=AROUND)
def test_no_problem_shows_a_secret_in_any_context(place: str, before: str, behind: str) -> None:
    # A sign that ends a YAML value leaves `user:0`, which looks like a host with its port, or `user:@secret`,
    # which looks like a user with their host.
    assume(not ("@" in before and any(sign in behind for sign in ",#{}[]")))
    # Behind a comma `?:` begins a key of its own, far from the header.
    assume(not ("," in before and "?" in before))
    is_cut = any(sign in before + behind for sign in ",#{}[]")
    # `user:0?secret` without the rest looks like a host with its port and a query.
    assume(not (is_cut and HOST_PORT_ENDS.match(before)))
    text = f"{FRAME}job:\n  type: http\n  {place.format(before + SECRET + behind)}\n"
    lines(text, hidden=(SECRET,) if is_cut else (SECRET, USER))
