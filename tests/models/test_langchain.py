"""Any LangChain chat model behind the protocol: its messages, options, replies and exceptions."""

from __future__ import annotations

import base64
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from langchain_core.language_models import BaseChatModel, FakeListChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import Field

from spinebench.errors import ProviderError, UsageError
from spinebench.models.langchain import UNKNOWN_HOST, LangChainModel
from spinebench.models.langchain_failures import read_exception
from spinebench.models.langchain_replies import read_reply
from spinebench.models.protocol import (
    ChatModel,
    ImagePart,
    JsonSchema,
    Message,
    ModelFailure,
    ModelReply,
    ModelRequest,
    TextPart,
)
from spinebench.models.registry import create_model
from spinebench.records import DecodingOptions, FailureClass, FinishReason, Usage


class Echo(BaseChatModel):
    """Notes what it was given and answers with a prepared message or exception."""

    temperature: float | None = None
    max_output_tokens: int = 99
    base_url: str | None = None
    api_key: str = "sk-secret"
    answer: Any = Field(default_factory=lambda: AIMessage("B"))
    seen: list[dict[str, Any]] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "echo"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {
            "model": "echo-1",
            "api_key": self.api_key,
            "max_output_tokens": self.max_output_tokens,
            "odd": [1],
        }

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: Any = None,
        *,
        top_p: float | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        self.seen.append(
            {
                "messages": messages,
                "temperature": self.temperature,
                "max_output_tokens": self.max_output_tokens,
                "top_p": top_p,
                "kwargs": kwargs,
            }
        )
        if isinstance(self.answer, BaseException):
            raise self.answer
        return ChatResult(generations=[ChatGeneration(message=self.answer)])


def wrap(model: BaseChatModel) -> LangChainModel:
    return LangChainModel("langchain/m:x", "m:x", model)


def ask(*parts: str | ImagePart, **more: Any) -> ModelRequest:
    content = tuple(TextPart(text=part) if isinstance(part, str) else part for part in parts)
    return ModelRequest(messages=(Message(role="user", parts=content),), **more)


# ------------------------------------------------------------ what is sent


async def test_messages_become_standard_content_blocks(make_image: Callable[..., ImagePart]) -> None:
    echo = Echo()
    image = make_image(b"\x89PNG 1")
    system = Message(role="system", parts=(TextPart(text="S"),))
    request = ask("Q", image, "R")
    request = request.model_copy(
        update={
            "messages": (system, *request.messages, Message(role="assistant", parts=(TextPart(text="T"),)))
        }
    )
    await wrap(echo).generate(request)
    (seen,) = echo.seen
    assert seen["messages"] == [
        SystemMessage("S"),
        HumanMessage(
            [
                {"type": "text", "text": "Q"},
                {
                    "type": "image",
                    "base64": base64.b64encode(b"\x89PNG 1").decode(),
                    "mime_type": "image/png",
                },
                {"type": "text", "text": "R"},
            ]
        ),
        AIMessage("T"),
    ]


async def test_only_options_the_model_has_are_given() -> None:
    echo = Echo()
    model = wrap(echo)
    decoding = DecodingOptions(temperature=0, top_p=0.5, max_tokens=7, seed=3, reasoning_effort="low")
    await model.generate(ask("Q", decoding=decoding))
    await model.generate(ask("Q"))
    first, second = echo.seen
    assert (first["temperature"], first["max_output_tokens"], first["top_p"]) == (0, 7, 0.5)
    assert first["kwargs"] == {}
    assert (second["temperature"], second["max_output_tokens"], second["top_p"]) == (None, 99, None)
    assert (echo.temperature, echo.max_output_tokens) == (None, 99)
    assert model.config["decoding"] == ["max_tokens", "temperature", "top_p"]


async def test_a_schema_is_asked_for_in_words() -> None:
    echo = Echo()
    await wrap(echo).generate(ask("Q", json_schema=JsonSchema(name="x", schema={"title": "Choice"})))
    assert '"title": "Choice"' in str(echo.seen[0]["messages"][-1].content)


async def test_a_lost_image_is_the_items_failure(make_image: Callable[..., ImagePart]) -> None:
    image = make_image()
    image.file.unlink()
    with pytest.raises(ModelFailure) as failed:
        await wrap(Echo()).generate(ask("Q", image))
    assert failed.value.failure_class is FailureClass.IMAGE


async def test_nothing_is_traced_to_a_third_party(monkeypatch: pytest.MonkeyPatch) -> None:
    from langsmith.utils import tracing_is_enabled

    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    noted: list[object] = []

    class Watching(Echo):
        def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
            noted.append(tracing_is_enabled())
            return super()._generate(*args, **kwargs)

    await wrap(Watching()).generate(ask("Q"))
    assert noted == [False]


# ------------------------------------------------------------ what comes back


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        pytest.param(AIMessage("B "), ModelReply(text="B ", finish_reason=FinishReason.OTHER), id="bare"),
        pytest.param(
            AIMessage(
                "B",
                response_metadata={"finish_reason": "stop", "model_name": "gpt-x", "id": "chatcmpl-1"},
                usage_metadata={
                    "input_tokens": 10,
                    "output_tokens": 5,
                    "total_tokens": 15,
                    "input_token_details": {"cache_read": 4},
                    "output_token_details": {"reasoning": 3},
                },
            ),
            ModelReply(
                text="B",
                finish_reason=FinishReason.STOP,
                usage=Usage(input_tokens=10, output_tokens=5, reasoning_tokens=3, cached_input_tokens=4),
                provider_model="gpt-x",
                response_id="chatcmpl-1",
            ),
            id="openai",
        ),
        pytest.param(
            AIMessage(
                [{"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "text", "text": "B"}],
                response_metadata={
                    "model_provider": "anthropic",
                    "stop_reason": "max_tokens",
                    "model": "claude-x",
                },
                id="run-123",
            ),
            ModelReply(
                text="B", reasoning="hm", finish_reason=FinishReason.LENGTH, provider_model="claude-x"
            ),
            id="anthropic",
        ),
        pytest.param(
            AIMessage(
                "B", additional_kwargs={"reasoning_content": "hm"}, response_metadata={"done_reason": "stop"}
            ),
            ModelReply(text="B", reasoning="hm", finish_reason=FinishReason.STOP),
            id="reasoning beside the content",
        ),
        pytest.param(
            AIMessage("", response_metadata={"finish_reason": "SAFETY"}),
            ModelReply(text="", finish_reason=FinishReason.FILTER),
            id="google filter",
        ),
        pytest.param(
            AIMessage("", response_metadata={"finish_reason": "FinishReason.MAX_TOKENS"}),
            ModelReply(text="", finish_reason=FinishReason.LENGTH),
            id="printed enum",
        ),
        pytest.param(
            AIMessage(
                "", additional_kwargs={"refusal": "I can't"}, response_metadata={"finish_reason": "stop"}
            ),
            ModelReply(text="", finish_reason=FinishReason.REFUSAL, refusal="I can't"),
            id="refusal field",
        ),
        pytest.param(
            AIMessage([{"type": "refusal", "refusal": "I can't"}]),
            ModelReply(text="", finish_reason=FinishReason.REFUSAL, refusal="I can't"),
            id="refusal block",
        ),
        pytest.param(
            AIMessage(
                "B",
                response_metadata={
                    "status": "incomplete",
                    "incomplete_details": {"reason": "max_output_tokens"},
                },
            ),
            ModelReply(text="B", finish_reason=FinishReason.LENGTH),
            id="responses API",
        ),
        pytest.param(
            AIMessage("B", response_metadata={"finish_reason": "something_new"}),
            ModelReply(text="B", finish_reason=FinishReason.OTHER),
            id="unknown reason",
        ),
        pytest.param(
            AIMessage(["A", {"type": "text", "text": " B"}]),
            ModelReply(text="A B", finish_reason=FinishReason.OTHER),
            id="mixed content",
        ),
    ],
)
async def test_reply(message: AIMessage, expected: ModelReply) -> None:
    assert await wrap(Echo(answer=message)).generate(ask("Q")) == expected


def test_what_is_no_answer_is_malformed() -> None:
    with pytest.raises(ModelFailure) as failed:
        read_reply(HumanMessage("B"))
    assert failed.value.failure_class is FailureClass.MALFORMED


# ------------------------------------------------------------ what goes wrong


class VendorError(Exception):
    """As the SDKs of providers have it: a status and the response."""

    def __init__(self, status: int, body: Any = None, headers: dict[str, str] | None = None) -> None:
        super().__init__(f"Error code: {status}")
        self.status_code = status
        self.body = body
        self.response = httpx.Response(status, headers=headers)


class BotoLikeError(Exception):
    response = {"ResponseMetadata": {"HTTPStatusCode": 503}}  # noqa: RUF012 - the shape of another library


class ReadTimeoutLike(Exception):
    """Named by its library, no subclass of TimeoutError."""


ReadTimeoutLike.__name__ = "ReadTimeout"


def caused(by: BaseException) -> Exception:
    outer = RuntimeError("the model failed")
    outer.__cause__ = by
    return outer


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (VendorError(400), FailureClass.BAD_REQUEST),
        (VendorError(401), FailureClass.AUTH),
        (VendorError(403), FailureClass.PERMISSION),
        (VendorError(404, {"error": {"code": "model_not_found"}}), FailureClass.UNKNOWN_MODEL),
        (VendorError(429), FailureClass.RATE_LIMIT),
        (VendorError(429, {"error": {"code": "insufficient_quota"}}), FailureClass.QUOTA),
        (VendorError(500), FailureClass.SERVER),
        (VendorError(529), FailureClass.SERVER),
        (caused(VendorError(429)), FailureClass.RATE_LIMIT),
        (BotoLikeError(), FailureClass.SERVER),
        (TimeoutError(), FailureClass.TIMEOUT),
        (ReadTimeoutLike(), FailureClass.TIMEOUT),
        (caused(httpx.ReadTimeout("slow")), FailureClass.TIMEOUT),
        (ConnectionResetError(), FailureClass.CONNECTION),
        (httpx.ConnectError("refused"), FailureClass.CONNECTION),
        (httpx.RemoteProtocolError("cut"), FailureClass.CONNECTION),
        (ValueError("a bug"), FailureClass.INTERNAL),
    ],
    ids=lambda value: str(value) if isinstance(value, FailureClass) else None,
)
async def test_an_exception_is_classified_once(error: Exception, expected: FailureClass) -> None:
    with pytest.raises(ModelFailure) as failed:
        await wrap(Echo(answer=error)).generate(ask("Q"))
    assert failed.value.failure_class is expected


async def test_the_wait_a_provider_asks_for_is_kept() -> None:
    failure = read_exception(VendorError(429, headers={"Retry-After": "7"}))
    assert isinstance(failure, ModelFailure)
    assert (failure.retry_after_s, failure.status_code) == (7.0, 429)


async def test_a_content_filters_verdict_is_a_reply() -> None:
    error = VendorError(400, {"error": {"code": "content_filter", "message": "flagged"}})
    reply = await wrap(Echo(answer=error)).generate(ask("Q"))
    assert (reply.text, reply.finish_reason, reply.refusal) == ("", FinishReason.FILTER, "flagged")


def test_exceptions_in_a_circle_end() -> None:
    first, second = ValueError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first
    failure = read_exception(first)
    assert isinstance(failure, ModelFailure)
    assert failure.failure_class is FailureClass.INTERNAL


# ------------------------------------------------------------ what it says of itself, how it is found


@pytest.mark.parametrize(
    ("address", "host"),
    [
        (None, UNKNOWN_HOST),
        ("https://api.example.org:8000/v1", "api.example.org"),
        ("nonsense", UNKNOWN_HOST),
    ],
)
def test_an_unknown_host_counts_as_remote(address: str | None, host: str) -> None:
    assert wrap(Echo(base_url=address)).host == host


def test_config_describes_the_model_without_its_key() -> None:
    config = wrap(Echo()).config
    assert config["class"].endswith(".Echo")
    assert config["parameters"] == {"model": "echo-1", "max_output_tokens": 99}
    assert config["langchain_core"]
    assert "sk-secret" not in str(config)


MODULE = '''
from langchain_core.language_models import FakeListChatModel

ready = FakeListChatModel(responses=["My final option: [A]"])

class Preset(FakeListChatModel):
    responses: list[str] = ["My final option: [B]"]

class Needy(FakeListChatModel):
    """Needs its responses."""

def made():
    return FakeListChatModel(responses=["My final option: [C]"])

def wants(key):
    return ready

def breaks():
    raise ValueError("set MY_KEY, sk-proj-Ab12_cd34 is refused")

class Holder:
    inner = ready

number = 3
'''


@pytest.fixture
def my_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A user's module in the current folder, under a name of its own."""
    name = f"my_models_{tmp_path.name}".replace("-", "_")
    (tmp_path / f"{name}.py").write_text(MODULE)
    (tmp_path / f"{name}_broken.py").write_text("1 / 0")
    (tmp_path / f"{name}_telling.py").write_text("raise ValueError('key sk-proj-Ab12_cd34')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield name
    for loaded in [name, f"{name}_broken"]:
        sys.modules.pop(loaded, None)


@pytest.mark.parametrize(
    ("attribute", "letter"), [("ready", "A"), ("Preset", "B"), ("made", "C"), ("Holder.inner", "A")]
)
async def test_an_instance_a_class_or_a_function_is_found_in_the_current_folder(
    my_models: str, attribute: str, letter: str
) -> None:
    model = create_model(f"langchain/{my_models}:{attribute}")
    assert isinstance(model, ChatModel)
    assert not model.simulated
    await model.check()
    assert (await model.generate(ask("Q"))).text == f"My final option: [{letter}]"
    await model.aclose()


@pytest.mark.parametrize(
    ("suffix", "error", "said"),
    [
        ("", UsageError, "expected module:attribute"),
        (":missing", UsageError, "expected attribute 'missing', there are .*ready"),
        (":number", UsageError, "expected a BaseChatModel.*got int"),
        (":wants", UsageError, "it needs key; wrap it"),
        (":breaks", ProviderError, "set MY_KEY, <key> is refused"),
        (":Needy", ProviderError, "responses"),
        ("_elsewhere:ready", UsageError, "expected an importable module"),
        ("_broken:ready", ProviderError, "raised ZeroDivisionError"),
        ("_telling:ready", ProviderError, "raised ValueError: key <key>; mend"),
    ],
)
def test_what_is_no_model_is_refused(my_models: str, suffix: str, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        create_model(f"langchain/{my_models}{suffix}")


def test_a_file_here_does_not_shadow_an_installed_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "yaml.py").write_text("ready = 1")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    monkeypatch.delitem(sys.modules, "yaml", raising=False)
    with pytest.raises(UsageError, match="expected attribute 'ready'"):
        create_model("langchain/yaml:ready")


def test_options_belong_into_the_users_own_function(my_models: str) -> None:
    with pytest.raises(UsageError, match=r"'temperature'.*expected no options"):
        create_model(f"langchain/{my_models}:ready", args={"temperature": 0})


async def test_a_plain_fake_model_of_the_library_works() -> None:
    reply = await wrap(FakeListChatModel(responses=["A"])).generate(ask("Q"))
    assert reply.text == "A"
