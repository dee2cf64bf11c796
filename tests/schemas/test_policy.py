import pytest

from schemas.errors import PolicyError
from schemas.policy import Policy, strictest
from schemas.settings import Settings
from schemas.sidecar import Participant, Sidecar


def decide(sidecar: Sidecar | None = None, **settings: str) -> Policy:
    return Policy.decide(Settings(**({"purpose": "research"} | settings)), sidecar)  # type: ignore[arg-type]


@pytest.mark.parametrize("purpose", [None, "", "  "])
def test_work_without_a_purpose_is_refused(purpose: str | None) -> None:
    with pytest.raises(PolicyError, match="--purpose"):
        Policy.decide(Settings(purpose=purpose))


@pytest.mark.parametrize(
    ("jurisdiction", "context", "text_only"),
    [
        ("eu", "workplace", True),
        ("eu", "education", True),
        ("eu", "unspecified", True),
        ("eu", "research", False),
        ("other", "workplace", False),
        ("other", "unspecified", False),
    ],
)
def test_in_the_eu_work_and_education_are_judged_by_words_alone(
    jurisdiction: str, context: str, text_only: bool
) -> None:
    assert decide(jurisdiction=jurisdiction, context=context).text_only is text_only


def test_a_sidecar_may_be_stricter_than_the_command_line() -> None:
    sidecar = Sidecar(jurisdiction="eu", context="workplace", purpose="therapy")
    policy = decide(sidecar, context="research")
    assert policy.text_only
    assert policy.purpose == "therapy"


@pytest.mark.parametrize(
    "purpose",
    [
        "hiring",
        "Recruiting",
        "job interview scoring",
        "grading",
        "grade_students",
        "performance review",
        "discipline",
        "employee monitoring",
        "surveillance",
        "lie detection",
        "policing",
    ],
)
def test_uses_that_harm_people_are_refused_under_any_name(purpose: str) -> None:
    with pytest.raises(PolicyError, match="must not be used for"):
        decide(purpose=purpose)
    with pytest.raises(PolicyError, match="must not be used for"):
        decide(Sidecar(purpose=purpose))


def test_an_unknown_purpose_is_refused_with_the_list() -> None:
    with pytest.raises(PolicyError, match=r"did you mean 'research'\? Known are demo, .*therapy"):
        decide(purpose="reserch")
    with pytest.raises(PolicyError, match="--purpose-note"):
        decide(purpose="for fun")


@pytest.mark.parametrize(
    ("written", "known"),
    [
        ("Research", "research"),
        ("own review", "own-review"),
        ("quality of service", "service-quality"),
        ("service_quality", "service-quality"),
        (" accessibility ", "accessibility"),
    ],
)
def test_a_purpose_may_be_written_in_several_ways(written: str, known: str) -> None:
    assert decide(purpose=written).purpose == known


def test_a_sidecar_cannot_loosen_the_purpose() -> None:
    assert decide(Sidecar(purpose="demo"), purpose="therapy").purpose == "therapy"
    assert decide(Sidecar(purpose="service-quality")).purpose == "service-quality"


def test_a_purpose_that_needs_consent_warns_where_nobody_states_it() -> None:
    stated = Sidecar(participants=(Participant(name="Ana", consent=True),))
    assert decide(stated, purpose="therapy").warning is None
    assert "consent" in str(decide(Sidecar(), purpose="therapy").warning)
    assert decide(Sidecar()).warning is None


def test_what_one_sidecar_of_a_content_forbids_is_forbidden() -> None:
    own = Sidecar(title="own", participants=(Participant(name="Bo"), Participant(name="Ana")))
    other = Sidecar(
        jurisdiction="eu",
        context="workplace",
        participants=(Participant(name="Bo", consent=False),),
    )
    merged = strictest(own, [other])
    assert {p.name: p.consent for p in merged.participants} == {"Bo": False, "Ana": True}
    assert merged.title == "own"
    assert decide(merged, context="research").text_only


def test_a_sidecar_cannot_loosen_the_command_line() -> None:
    sidecar = Sidecar(jurisdiction="other", context="research")
    assert decide(sidecar, jurisdiction="eu", context="workplace").text_only
    assert decide(sidecar, jurisdiction="eu").text_only


@pytest.mark.parametrize(("law", "context"), [("mars", "research"), ("eu", "a pub"), ("", "")])
def test_what_the_gate_does_not_know_is_treated_as_the_strictest(law: str, context: str) -> None:
    unknown = Policy.model_construct(purpose="research", jurisdiction=law, context=context)  # type: ignore[arg-type]
    assert unknown.text_only == (context != "research")
    sidecar = Sidecar.model_construct(jurisdiction=law, context=context, participants=())  # type: ignore[arg-type]
    assert strictest(sidecar, []).jurisdiction == "eu"
