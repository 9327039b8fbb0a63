"""The pure part of wizards, with scripts made up by hypothesis."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.wizards.machine import Step, UnreachableStepError, WizardProgress, view


def animals():
    animal = yield Step("animal", "Which animal?")
    if animal and animal["kind"] == "dog":
        yield Step("leash", "How long is its leash?")
    for leg in (animal or {}).get("legs", ()):
        yield Step(f"leg/{leg}", f"Which shoe on the {leg} leg?")
    yield Step("done", "Done")


def keys(progress: WizardProgress) -> list[str]:
    return [step.key for step in view(animals, progress).steps]


def test_an_answer_inserts_steps_and_repeats_them():
    begun = WizardProgress()
    assert keys(begun) == ["animal", "done"]
    dog = begun.answered("animal", {"kind": "dog", "legs": ["left", "right"]})
    assert keys(dog) == ["animal", "leash", "leg/left", "leg/right", "done"]
    assert view(animals, dog).step.key == "leash"
    assert not view(animals, dog).finished


def test_an_answer_that_was_taken_out_comes_back_with_its_step():
    dog = WizardProgress().answered("animal", {"kind": "dog"}).answered("leash", {"m": 2})
    cat = dog.answered("animal", {"kind": "cat"})
    assert "leash" not in view(animals, cat).answers
    again = cat.answered("animal", {"kind": "dog"})
    assert view(animals, again).answers["leash"] == {"m": 2}
    assert view(animals, again).step.key == "done"


def test_going_back_forgets_nothing():
    dog = WizardProgress().answered("animal", {"kind": "dog"}).answered("leash", {"m": 2})
    back = view(animals, dog.looking_at("animal"))
    assert (back.at, back.reached) == (0, 2)
    back.check("done")
    assert back.answers["leash"] == {"m": 2}


def test_a_step_that_cannot_be_gone_to_is_refused():
    begun = view(animals, WizardProgress())
    for step in ("done", "leash", "nothing"):
        with pytest.raises(UnreachableStepError, match=step):
            begun.check(step)
    # What is kept of such a step is not believed.
    assert view(animals, WizardProgress(at="done")).step.key == "animal"


@pytest.mark.parametrize("script", [lambda: iter(()), lambda: (Step("a", "") for _ in range(2))])
def test_a_script_without_steps_or_with_one_twice_is_an_error(script):
    def made():
        yield from script()

    with pytest.raises(ValueError, match="script"):
        view(made, WizardProgress())


def test_a_script_without_end_is_an_error():
    def endless():
        number = 0
        while True:
            yield Step(str(number), "")
            number += 1

    with pytest.raises(ValueError, match="more than"):
        view(endless, WizardProgress())


@dataclass(frozen=True)
class Node:
    """A made-up question: further ones follow for each number from 0 to `answer["n"]` - 1."""

    below: tuple[Node, ...]


nodes = st.recursive(
    st.builds(Node, st.just(())),
    lambda inner: st.builds(Node, st.lists(inner, max_size=3).map(tuple)),
    max_leaves=8,
)


def script_of(node: Node):
    def ask(one: Node, path: str):
        answer = yield Step(path, path)
        for number in range(min((answer or {}).get("n", 0), len(one.below))):
            yield from ask(one.below[number], f"{path}.{number}")

    def script():
        yield from ask(node, "0")
        yield Step("end", "end")

    return script


moves = st.lists(
    st.one_of(
        st.tuples(st.just("answer"), st.integers(0, 3)),
        st.tuples(st.just("look"), st.integers(0, 20)),
    ),
    max_size=25,
)


@given(nodes, moves)
def test_one_is_always_at_a_step_whose_predecessors_are_answered(node: Node, done):
    script = script_of(node)
    progress = WizardProgress()
    given_answers: dict[str, dict] = {}
    for what, n in done:
        now = view(script, progress)
        if what == "answer":
            given_answers[now.step.key] = {"n": n}
            progress = progress.answered(now.step.key, {"n": n})
        else:
            step = now.steps[n % len(now.steps)]
            progress = progress.looking_at(step.key)
        after = view(script, progress)
        listed = [step.key for step in after.steps]
        assert len(set(listed)) == len(listed)
        assert 0 <= after.at <= after.reached < len(listed)
        assert all(key in after.answers for key in listed[: after.reached])
        assert after.finished == (set(listed) <= after.answers.keys())
        assert all(given_answers[key] == answer for key, answer in after.answers.items())
        # Nothing that was answered is ever lost.
        assert progress.answers == given_answers
        assert view(script, WizardProgress(dict(progress.answers), progress.at)) == after


@given(nodes, st.integers(0, 3))
def test_answering_what_is_asked_comes_to_an_end(node: Node, n: int):
    script = script_of(node)
    progress = WizardProgress()
    for _ in range(100):
        if view(script, progress).finished:
            break
        progress = progress.answered(view(script, progress).step.key, {"n": n})
    assert view(script, progress).finished
