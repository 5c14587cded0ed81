"""A question to a model and its answer as JSON, between a terminal and the server whose connection it uses."""

from decimal import Decimal
from typing import Annotated, Any, Final, Literal

import msgspec

from mesrai.domain.connection import Thinking
from mesrai.domain.usage import Usage
from mesrai.errors import MesraiError, ModelError, ModelUnavailable, NoModelLeft
from mesrai.llm.model import (
    Answer,
    AnswerShape,
    ModelTurn,
    Price,
    Profile,
    Prompt,
    Structured,
    Tool,
    ToolCall,
    ToolTurn,
    Turn,
    UserTurn,
)

_MOST_ITEMS: Final = 200
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
_Text = Annotated[str, msgspec.Meta(max_length=900_000)]


class _Sent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a question is made of."""


class _Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer is made of; a newer server may say more."""


class CallSaid(_Sent, frozen=True, kw_only=True):
    """A tool the model wanted called."""

    id: Annotated[str, msgspec.Meta(max_length=500)]
    name: Annotated[str, msgspec.Meta(max_length=200)]
    arguments: _Text


class TurnSaid(_Sent, frozen=True, kw_only=True):
    """One turn: what the reviewer says, what the model said, or what a tool returned."""

    by: Literal["reviewer", "model", "tool"]
    text: _Text = ""
    call_id: Annotated[str, msgspec.Meta(max_length=500)] = ""  # of a tool's turn
    tool_calls: Annotated[list[CallSaid], msgspec.Meta(max_length=_MOST_ITEMS)] = []
    replay: dict[str, Any] = {}  # of a model's turn, as the server gave it


class ToolSaid(_Sent, frozen=True, kw_only=True):
    """Something the model may call."""

    name: Annotated[str, msgspec.Meta(pattern="^[A-Za-z][A-Za-z0-9_-]{2,63}$")]
    description: Annotated[str, msgspec.Meta(max_length=10_000)]
    parameters: dict[str, Any]


class FormSaid(_Sent, frozen=True, kw_only=True):
    """The form an answer must have."""

    name: Annotated[str, msgspec.Meta(pattern="^[A-Za-z_]{1,64}$")]
    description: Annotated[str, msgspec.Meta(max_length=10_000)]
    schema: dict[str, Any]


class Question(_Sent, frozen=True, kw_only=True):
    """A question about a change, of one review."""

    review: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{8,32}$", description="Equal for the questions of a review.")]
    repository: Annotated[str, msgspec.Meta(max_length=300)] = ""
    budget: Annotated[str, msgspec.Meta(pattern="^([0-9]{1,9}([.][0-9]{1,9})?)?$", description="Of the review.")] = ""
    system: _Text
    turns: Annotated[list[TurnSaid], msgspec.Meta(min_length=1, max_length=_MOST_ITEMS)]
    tools: Annotated[list[ToolSaid], msgspec.Meta(max_length=50)] = []
    may_call_tools: bool = True
    form: FormSaid | None = None
    max_output_tokens: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 16_384
    thinking: Thinking | None = None
    cache_key: Annotated[str, msgspec.Meta(max_length=100)] = ""


class AnswerCost(_Shown, frozen=True, kw_only=True):
    """What an answer cost."""

    calls: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    reasoning_tokens: int
    cost: Decimal | None
    currency: str


class AnswerShown(_Shown, frozen=True, kw_only=True):
    """What the model answered."""

    text: str
    tool_calls: list[CallSaid]
    replay: dict[str, Any]
    usage: AnswerCost
    provider: str
    model: str
    took_s: float
    notices: list[str]


class QuestionFailed(_Shown, frozen=True, kw_only=True):
    """Why there is no answer."""

    kind: _Name  # such as ModelThrottled
    message: str
    calls: int = 1


class QuestionEnded(_Shown, frozen=True, kw_only=True):
    """How a question ended: with an answer or with a failure. Line feeds before it say that it is being worked on."""

    answer: AnswerShown | None = None
    failure: QuestionFailed | None = None


class ModelPrice(_Shown, frozen=True, kw_only=True):
    """Money per million tokens."""

    input: Decimal
    cached: Decimal
    output: Decimal
    currency: str
    as_of: str


class ModelShown(_Shown, frozen=True, kw_only=True):
    """The model that questions are put to."""

    provider: str
    model: str
    window: int
    max_output: int
    max_body: int | None
    has_tools: bool
    structured: Structured
    price: ModelPrice | None
    chars_per_token: float
    parallel: int | None  # the most questions in flight


class MemoryTold(_Shown, frozen=True, kw_only=True):
    """Something reviews are told to remember."""

    id: int
    text: str
    repository: str  # empty: all of them
    paths: list[str]


class TeamWishes(_Shown, frozen=True, kw_only=True):
    """What the organisation saved for the reviews of a repository, as texts of a policy file, and its memories."""

    organisation: str
    repository: str
    folders: dict[str, str]
    memories: list[MemoryTold]


def question_of(prompt: Prompt, *, review: str, repository: str, budget: str) -> Question:
    """The prompt as it is sent."""
    return Question(
        review=review,
        repository=repository,
        budget=budget,
        system=prompt.system,
        turns=[_turn_said(each) for each in prompt.turns],
        tools=[
            ToolSaid(name=each.name, description=each.description, parameters=dict(each.parameters))
            for each in prompt.tools
        ],
        may_call_tools=prompt.may_call_tools,
        form=None if prompt.shape is None else _form_said(prompt.shape),
        max_output_tokens=prompt.max_output_tokens,
        thinking=prompt.thinking,
        cache_key=prompt.cache_key,
    )


def prompt_of(question: Question) -> Prompt:
    """The prompt that was sent."""
    form = question.form
    return Prompt(
        system=question.system,
        turns=tuple(_turn_of(each) for each in question.turns),
        tools=tuple(
            Tool(name=each.name, description=each.description, parameters=each.parameters) for each in question.tools
        ),
        may_call_tools=question.may_call_tools,
        shape=form if form is None else AnswerShape(name=form.name, description=form.description, schema=form.schema),
        max_output_tokens=question.max_output_tokens,
        thinking=question.thinking,
        cache_key=question.cache_key,
    )


def answer_shown(answer: Answer) -> AnswerShown:
    """The answer as it is sent."""
    turn, usage = answer.turn, answer.usage
    return AnswerShown(
        text=turn.text,
        tool_calls=[CallSaid(id=each.id, name=each.name, arguments=each.arguments) for each in turn.tool_calls],
        replay=dict(turn.replay),
        usage=AnswerCost(
            calls=usage.calls,
            input_tokens=usage.input_tokens,
            cached_tokens=usage.cached_tokens,
            output_tokens=usage.output_tokens,
            reasoning_tokens=usage.reasoning_tokens,
            cost=usage.cost,
            currency=usage.currency,
        ),
        provider=answer.provider,
        model=answer.model,
        took_s=answer.took_s,
        notices=list(answer.notices),
    )


def answer_of(shown: AnswerShown) -> Answer:
    """The answer that was sent."""
    usage = shown.usage
    return Answer(
        turn=ModelTurn(text=shown.text, tool_calls=_calls_of(shown.tool_calls), replay=shown.replay),
        usage=Usage(
            calls=usage.calls,
            input_tokens=usage.input_tokens,
            cached_tokens=usage.cached_tokens,
            output_tokens=usage.output_tokens,
            reasoning_tokens=usage.reasoning_tokens,
            cost=usage.cost,
            currency=usage.currency,
        ),
        provider=shown.provider,
        model=shown.model,
        took_s=shown.took_s,
        notices=tuple(shown.notices),
    )


def failure_shown(error: MesraiError) -> QuestionFailed:
    """The error as it is sent; where every model failed in the same way, that way."""
    if isinstance(error, NoModelLeft):
        kinds = {type(cause).__name__ for cause in error.causes}
        kind = kinds.pop() if len(kinds) == 1 else ModelUnavailable.__name__
        return QuestionFailed(kind=kind, message=error.message, calls=error.calls)
    calls = error.calls if isinstance(error, ModelError) else 0
    return QuestionFailed(kind=type(error).__name__, message=error.message, calls=calls)


def failure_of(shown: QuestionFailed) -> ModelError:
    """The error that was sent; of a kind that is not one of a model's, one that says it is not possible now."""
    known = {each.__name__: each for each in ModelError.__subclasses__() if each is not NoModelLeft}
    error = known.get(shown.kind, ModelUnavailable)(shown.message)
    error.calls = shown.calls
    return error


def model_shown(profile: Profile, parallel: int | None) -> ModelShown:
    """The profile as it is sent."""
    price = profile.price
    return ModelShown(
        provider=profile.provider,
        model=profile.model,
        window=profile.window,
        max_output=profile.max_output,
        max_body=profile.max_body,
        has_tools=profile.has_tools,
        structured=profile.structured,
        price=None
        if price is None
        else ModelPrice(
            input=price.input,
            cached=price.cached,
            output=price.output,
            currency=price.currency,
            as_of=price.as_of,
        ),
        chars_per_token=profile.chars_per_token,
        parallel=parallel,
    )


def profile_of(shown: ModelShown) -> Profile:
    """The profile that was sent."""
    price = shown.price
    return Profile(
        provider=shown.provider,
        model=shown.model,
        window=shown.window,
        max_output=shown.max_output,
        max_body=shown.max_body,
        has_tools=shown.has_tools,
        structured=shown.structured,
        price=None
        if price is None
        else Price(
            input=price.input,
            cached=price.cached,
            output=price.output,
            currency=price.currency,
            as_of=price.as_of,
        ),
        chars_per_token=shown.chars_per_token,
    )


def _form_said(shape: AnswerShape) -> FormSaid:
    return FormSaid(name=shape.name, description=shape.description, schema=dict(shape.schema))


def _turn_said(turn: Turn) -> TurnSaid:
    if isinstance(turn, UserTurn):
        return TurnSaid(by="reviewer", text=turn.text)
    if isinstance(turn, ToolTurn):
        return TurnSaid(by="tool", text=turn.text, call_id=turn.call_id)
    calls = [CallSaid(id=each.id, name=each.name, arguments=each.arguments) for each in turn.tool_calls]
    return TurnSaid(by="model", text=turn.text, tool_calls=calls, replay=dict(turn.replay))


def _turn_of(said: TurnSaid) -> Turn:
    if said.by == "reviewer":
        return UserTurn(text=said.text)
    if said.by == "tool":
        return ToolTurn(call_id=said.call_id, text=said.text)
    return ModelTurn(text=said.text, tool_calls=_calls_of(said.tool_calls), replay=said.replay)


def _calls_of(said: list[CallSaid]) -> tuple[ToolCall, ...]:
    return tuple(ToolCall(id=each.id, name=each.name, arguments=each.arguments) for each in said)
