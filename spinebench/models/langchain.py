"""`langchain/<module:attribute>`: any LangChain `BaseChatModel` behind the same protocol as all others."""

from __future__ import annotations

import base64
import sys
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from inspect import Parameter, isclass, signature
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from spinebench.errors import ProviderError, SpinebenchError, UsageError
from spinebench.models.langchain_failures import read_exception
from spinebench.models.langchain_replies import read_reply
from spinebench.models.plain_json import ask_for_json
from spinebench.models.protocol import ImagePart, Message, ModelFailure, ModelReply, ModelRequest, TextPart
from spinebench.models.provider_errors import without_keys
from spinebench.models.registry import ModelContext
from spinebench.records import DecodingOptions, FailureClass

_OPTION_NAMES: dict[str, tuple[str, ...]] = {
    "temperature": ("temperature",),
    "top_p": ("top_p",),
    "max_tokens": (
        "max_tokens",
        "max_completion_tokens",
        "max_output_tokens",
        "max_new_tokens",
        "num_predict",
    ),
    "seed": ("seed",),
    "reasoning_effort": ("reasoning_effort",),
    "thinking_budget": ("thinking_budget",),
}
"""Our decoding options and what LangChain integrations call them, the first name that a model has counts."""

_ADDRESS_FIELDS = (
    "base_url",
    "openai_api_base",
    "anthropic_api_url",
    "azure_endpoint",
    "endpoint_url",
    "endpoint",
)
UNKNOWN_HOST = "unknown (langchain)"


def create(model_id: str, *, context: ModelContext) -> LangChainModel:
    """The model of `module:attribute`: a `BaseChatModel`, a class of one, or a function without arguments.

    The current folder is put at the end of `sys.path`, so that a file of the user's own is found and none
    there takes the place of an installed package.

    Raises `UsageError` for a wrong name or object, `ProviderError` where making the model fails (no key).
    """
    context.refuse_unknown(())
    return LangChainModel(context.name, model_id, _resolve(model_id))


class LangChainModel:
    """One LangChain chat model. Decoding options it has no name for are left out; `config` lists those it
    takes.

    Retries inside the LangChain model are its own: make it with `max_retries=0`, so that each attempt is
    seen, classified and counted.
    """

    simulated = False

    def __init__(self, name: str, model_id: str, model: BaseChatModel) -> None:
        self._name = name
        self._model_id = model_id
        self._model = model
        self._option_names = _supported(model)
        self._configured: dict[DecodingOptions, tuple[BaseChatModel, dict[str, Any]]] = {}

    @property
    def name(self) -> str:
        return self._name

    @property
    def host(self) -> str | None:
        """Host of the model's address; `unknown (langchain)` where it has none, which counts as remote."""
        address = _address(self._model)
        host = urlsplit(address).hostname if address else None
        return host or UNKNOWN_HOST

    @property
    def account(self) -> str:
        return f"langchain:{self._model_id}"

    @property
    def config(self) -> dict[str, Any]:
        """Class, versions, decoding options it takes, and its plain parameters, without what may be a key."""
        kind = type(self._model)
        package = kind.__module__.partition(".")[0]
        return {
            "class": f"{kind.__module__}.{kind.__qualname__}",
            "version": _version_of(package),
            "langchain_core": _version_of("langchain_core"),
            "decoding": sorted(self._option_names),
            "parameters": _plain_parameters(self._model),
        }

    async def check(self) -> None:
        """Asks nothing: LangChain has no call without cost. A missing key is met when the model is made."""

    async def generate(self, request: ModelRequest) -> ModelReply:
        """One call of `ainvoke`. Raises `ModelFailure`."""
        if not request.messages:
            raise ModelFailure(FailureClass.BAD_REQUEST, "no message to answer")
        messages = [_to_langchain(message) for message in ask_for_json(request)]
        model, arguments = self._configure(request.decoding)
        # Imported here: langsmith costs 0.3 s, and only this call could send traces anywhere.
        from langsmith import tracing_context

        try:
            with tracing_context(enabled=False):
                message = await model.ainvoke(messages, **arguments)
        except ModelFailure:
            raise
        except Exception as error:
            read = read_exception(error)
            if isinstance(read, ModelReply):
                return read
            raise read from error
        return read_reply(message)

    async def aclose(self) -> None:
        """LangChain models have no common way to be closed; dropping the model is all there is."""
        self._configured.clear()

    def _configure(self, decoding: DecodingOptions) -> tuple[BaseChatModel, dict[str, Any]]:
        """The model with the options that are fields of it, and the options that its call takes."""
        if decoding not in self._configured:
            wished = decoding.model_dump(exclude_none=True)
            named = {
                self._option_names[option]: value
                for option, value in wished.items()
                if option in self._option_names
            }
            # Read from the object where the model keeps them as fields: many ignore them as call arguments.
            fields = {name: value for name, value in named.items() if name in type(self._model).model_fields}
            arguments = {name: value for name, value in named.items() if name not in fields}
            model = self._model.model_copy(update=fields) if fields else self._model
            self._configured[decoding] = (model, arguments)
        return self._configured[decoding]


def _resolve(model_id: str) -> BaseChatModel:
    module_name, colon, attribute = model_id.partition(":")
    if not colon or not module_name or not attribute:
        raise UsageError(
            f"LangChain model {model_id!r}: expected module:attribute; e.g. langchain/my_models:chat for "
            "chat in my_models.py"
        )
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        found: Any = import_module(module_name)
    except SpinebenchError:
        raise
    except ImportError as error:
        raise UsageError(
            f"LangChain model {model_id!r}: expected an importable module {module_name!r} ({error}); "
            "run from the folder that holds it, or install its package"
        ) from error
    except Exception as error:
        raise ProviderError(
            f"LangChain model {model_id!r}: module {module_name!r} raised {type(error).__name__}: "
            f"{without_keys(str(error))}; mend the module"
        ) from error
    for part in attribute.split("."):
        if not hasattr(found, part):
            names = (
                [name for name in vars(found) if not name.startswith("_")]
                if hasattr(found, "__dict__")
                else []
            )
            raise UsageError(
                f"LangChain model {model_id!r}: expected attribute {part!r}, there are "
                f"{', '.join(sorted(names)[:20])}; "
                "correct the name"
            )
        found = getattr(found, part)
    if not isinstance(found, BaseChatModel) and callable(found):
        found = _made(model_id, found)
    if not isinstance(found, BaseChatModel):
        raise UsageError(
            f"LangChain model {model_id!r}: expected a BaseChatModel, a class of one or a function that "
            "returns one, "
            f"got {type(found).__name__}; name another attribute"
        )
    return found


def _made(model_id: str, factory: Any) -> Any:
    try:
        needed = [
            parameter.name
            for parameter in signature(factory).parameters.values()
            if parameter.default is Parameter.empty
            and parameter.kind not in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
        ]
    except (TypeError, ValueError):
        needed = []
    if needed and not isclass(factory):
        raise UsageError(
            f"LangChain model {model_id!r}: expected a function without arguments, it needs "
            f"{', '.join(needed)}; "
            "wrap it in one that gives them"
        )
    try:
        return factory()
    except SpinebenchError:
        raise
    except Exception as error:
        said = " ".join(without_keys(str(error)).split())[:400].replace("; ", ", ")
        raise ProviderError(
            f"LangChain model {model_id!r}: making the model raised {type(error).__name__}: {said}; "
            "set the key it needs, or name a ready instance"
        ) from error


def _to_langchain(message: Message) -> BaseMessage:
    """Text alone as a string, which every model takes; with images as LangChain's standard content blocks."""
    if all(isinstance(part, TextPart) for part in message.parts) and len(message.parts) == 1:
        content: str | list[str | dict[str, Any]] = message.text
    else:
        content = [_block(part) for part in message.parts]
    match message.role:
        case "system":
            return SystemMessage(content=content)
        case "assistant":
            return AIMessage(content=content)
        case "user":
            return HumanMessage(content=content)


def _block(part: TextPart | ImagePart) -> dict[str, Any]:
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text}
    try:
        data = part.read()
    except OSError as error:
        raise ModelFailure(
            FailureClass.IMAGE, f"prepared image {part.file.name!r} cannot be read: {error}"
        ) from error
    return {
        "type": "image",
        "base64": base64.b64encode(data).decode("ascii"),
        "mime_type": part.image.media_type,
    }


def _supported(model: BaseChatModel) -> dict[str, str]:
    """Our name of each decoding option the model takes -> its own: a field, or an argument of its call."""
    taken = set(type(model).model_fields)
    for method in ("_generate", "_agenerate", "_call"):
        function = getattr(type(model), method, None)
        if function is not None:
            taken |= set(signature(function).parameters)
    found: dict[str, str] = {}
    for option, names in _OPTION_NAMES.items():
        name = next((name for name in names if name in taken), None)
        if name is not None:
            found[option] = name
    return found


def _address(model: BaseChatModel) -> str | None:
    for field in _ADDRESS_FIELDS:
        value = getattr(model, field, None)
        if isinstance(value, str) and "://" in value:
            return value
    return None


def _plain_parameters(model: BaseChatModel) -> dict[str, Any]:
    try:
        parameters: Mapping[str, Any] = model._identifying_params
    except Exception:  # noqa: BLE001 - a user's model; the parameters only describe it
        return {}
    secret = ("key", "token", "secret", "password", "auth", "header")
    return {
        str(name): value
        for name, value in sorted(parameters.items())
        if isinstance(value, str | int | float | bool)
        and (
            str(name) in {"max_tokens", "max_output_tokens"}
            or not any(word in str(name).lower() for word in secret)
        )
    }


def _version_of(package: str) -> str | None:
    names = packages_distributions().get(package, [])
    try:
        return version(names[0]) if names else None
    except PackageNotFoundError:
        return None
