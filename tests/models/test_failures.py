"""Reading and classifying HTTP errors: bodies in any shape, headers in any spelling."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinebench.models.failures import classify, http_failure, is_filtered, read_error, retry_after
from spinebench.records import FailureClass

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
error_shapes = st.fixed_dictionaries(
    {},
    optional={
        "error": json_values,
        "message": json_values,
        "detail": json_values,
        "code": json_values,
        "details": json_values,
        "innererror": json_values,
    },
)


@given(status=st.integers(300, 599), body=st.binary(max_size=200) | error_shapes.map(json.dumps))
def test_any_body_gives_one_class_and_some_words(status: int, body: bytes | str) -> None:
    error = read_error(status, body, {})
    assert isinstance(classify(error), FailureClass)
    failure = http_failure(error)
    assert failure.message
    assert failure.status_code == status


@given(error=st.recursive(error_shapes, lambda inner: st.fixed_dictionaries({"error": inner}), max_leaves=4))
def test_any_nesting_is_read(error: dict[str, Any]) -> None:
    read_error(400, json.dumps({"error": error}), {})


@given(status=st.integers(500, 599).filter(lambda status: status != 501))
def test_a_server_error_without_words_is_the_servers(status: int) -> None:
    assert classify(read_error(status, b"", {})) is FailureClass.SERVER


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (400, {"error": {"message": "bad  field\n here"}}, "bad field here"),
        (400, {"error": "plain words"}, "plain words"),
        (400, {"object": "error", "message": "older vLLM", "code": 400}, "older vLLM"),
        (404, {"detail": "Not Found"}, "Not Found"),
        (422, {"detail": [{"loc": ["body"], "msg": "field required"}]}, "field required"),
        (400, [{"error": {"message": "in a list"}}], "in a list"),
        (502, "<html><head><title> Bad\nGateway </title></head></html>", "an HTML page titled 'Bad Gateway'"),
        (500, "", "no further words"),
        (500, "x" * 2000, "x" * 500),
    ],
    ids=["openai", "string", "vllm", "fastapi", "validation", "list", "html", "empty", "long"],
)
def test_the_message_is_found(status: int, body: Any, message: str) -> None:
    raw = body if isinstance(body, str) else json.dumps(body)
    assert message in read_error(status, raw, {}).message


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        (
            404,
            {"message": "The model `x` does not exist.", "type": "NotFoundError"},
            FailureClass.UNKNOWN_MODEL,
        ),
        (404, {"message": 'model "x" not found, try pulling it first'}, FailureClass.UNKNOWN_MODEL),
        (404, {"code": "DeploymentNotFound", "message": "The API deployment"}, FailureClass.UNKNOWN_MODEL),
        (400, {"message": "Invalid model name passed in model=x"}, FailureClass.UNKNOWN_MODEL),
        (400, {"message": "vendor/x is not a valid model ID"}, FailureClass.UNKNOWN_MODEL),
        (400, {"message": "Model Not Exist"}, FailureClass.UNKNOWN_MODEL),
        (403, {"code": "model_not_found", "message": "no access to x"}, FailureClass.UNKNOWN_MODEL),
        (404, {"message": "Resource not found"}, FailureClass.BAD_REQUEST),
        (400, {"message": "this model does not support image input"}, FailureClass.BAD_REQUEST),
        (400, {"message": "maximum context length is 8192 tokens"}, FailureClass.BAD_REQUEST),
        (402, {"message": "Insufficient Balance"}, FailureClass.QUOTA),
        (429, {"type": "insufficient_quota", "message": "x"}, FailureClass.QUOTA),
        (429, {"code": "rate_limit_exceeded", "message": "Limit 30000, Used 29000"}, FailureClass.RATE_LIMIT),
        (500, {"message": "credits are depleted in our cluster"}, FailureClass.SERVER),
        (401, {"message": "no"}, FailureClass.AUTH),
        (
            400,
            {"message": "No connected db.", "type": "no_db_connection", "code": "400"},
            FailureClass.AUTH,
        ),
        (403, {"message": "Country, region, or territory not supported"}, FailureClass.PERMISSION),
        (425, {"message": "too early"}, FailureClass.SERVER),
    ],
)
def test_classes_by_code_and_wording(status: int, error: dict[str, Any], expected: FailureClass) -> None:
    assert classify(read_error(status, json.dumps({"error": error}), {})) is expected


@pytest.mark.parametrize(
    ("status", "error", "filtered"),
    [
        (400, {"code": "content_filter", "message": "filtered"}, True),
        (400, {"message": "x", "innererror": {"code": "ResponsibleAIPolicyViolation"}}, True),
        (400, {"code": "invalid_prompt", "message": "x"}, True),
        (400, {"code": "data_inspection_failed", "message": "x"}, True),
        (403, {"message": "Your input was flagged by moderation"}, True),
        (400, {"message": "Output blocked by content filtering policy"}, True),
        (400, {"message": "temperature is not supported"}, False),
        (429, {"code": "content_filter", "message": "x"}, False),
        (500, {"message": "content filter is down"}, False),
    ],
)
def test_filters_are_told_from_failures(status: int, error: dict[str, Any], filtered: bool) -> None:
    assert is_filtered(read_error(status, json.dumps({"error": error}), {})) is filtered


NOW = datetime.now(UTC)


@pytest.mark.parametrize(
    ("headers", "infos", "expected"),
    [
        ({}, [], None),
        ({"retry-after": "17"}, [], 17),
        ({"retry-after": "0.5"}, [], 0.5),
        ({"retry-after": "0"}, [], 0),
        ({"retry-after-ms": "1500", "retry-after": "9"}, [], 1.5),
        ({"retry-after": format_datetime(NOW - timedelta(hours=1), usegmt=True)}, [], 0),
        ({"retry-after": "soon"}, [], None),
        ({"retry-after": "nan"}, [], None),
        ({"retry-after": "inf"}, [], None),
        ({"retry-after": "-3"}, [], None),
        ({}, [{"@type": "x.RetryInfo", "retryDelay": "17s"}], 17),
        ({}, [{"reason": "x"}, {"retryDelay": "0.25s"}], 0.25),
        ({}, [{"retryDelay": "soon"}], None),
        ({}, [{"retryDelay": 17}], None),
        ({"retry-after": "4"}, [{"retryDelay": "17s"}], 4),
    ],
)
def test_retry_after(headers: dict[str, str], infos: list[dict[str, Any]], expected: float | None) -> None:
    assert retry_after(headers, infos) == expected


def test_retry_after_as_a_date_counts_from_now() -> None:
    when = format_datetime(datetime.now(UTC) + timedelta(minutes=10), usegmt=True)
    seconds = retry_after({"retry-after": when})
    assert seconds is not None
    assert 500 < seconds <= 600


@pytest.mark.parametrize(
    ("message", "param", "sent", "flag"),
    [
        ("Unsupported parameter: 'seed'", None, {"seed"}, "--model-seed"),
        ("`temperature` is deprecated for this model.", None, {"temperature"}, "--temperature"),
        ("not allowed", "top_p", {"top_p"}, "--top-p"),
        ("max_tokens: 99999 > 8192", None, {"max_tokens"}, "--max-tokens"),
        ("thinking.budget_tokens: too large", None, {"thinking"}, "--thinking-budget"),
        ("output_config.effort: not supported", None, {"effort", "output_config"}, "--reasoning-effort"),
        ("response_format json_schema is not supported", None, {"response_format"}, "json_output=prompt"),
        ("image too large at this temperature", None, set(), None),
    ],
)
def test_the_option_to_drop_is_named_if_it_was_sent(
    message: str, param: str | None, sent: set[str], flag: str | None
) -> None:
    body = json.dumps({"error": {"message": message, "param": param}})
    said = http_failure(read_error(400, body, {}), sent=sent).message
    assert said.startswith(message)
    if flag is None:
        assert "--" not in said
    else:
        assert flag in said
