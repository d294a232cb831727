"""The rules of the offline model, without anything around them."""

import pytest

from todo_backend.services.offline.language import Intent, understand
from todo_backend.services.offline.plan import Call, Done, Say, matching, next_step

MILK = {"id": 1, "title": "Buy milk", "completed": False}
OLD_MILK = {"id": 2, "title": "buy milk", "completed": True}
PLANTS = {"id": 3, "title": "Water the plants", "completed": False}


@pytest.mark.parametrize(
    ("message", "intent"),
    [
        ("add buy milk", Intent("add", "buy milk")),
        ("Add a todo: buy milk!", Intent("add", "buy milk")),
        ("Could you please add “buy milk” to my list, thanks", Intent("add", "buy milk")),
        ("remind me to call Anna", Intent("add", "call Anna")),
        ("I need to pay the rent", Intent("add", "pay the rent")),
        ("add call Anna with note: about the letter", Intent("add", "call Anna", "about the letter")),
        ("list", Intent("list")),
        ("What is on my list?", Intent("list")),
        ("what's still open?", Intent("list", status="open")),
        ("show my completed tasks", Intent("list", status="done")),
        ("complete buy milk", Intent("complete", "buy milk")),
        ("mark the milk as done", Intent("complete", "milk")),
        ("I have finished the report", Intent("complete", "report")),
        ("complete #3", Intent("complete", "#3")),
        ("mark milk as not done", Intent("reopen", "milk")),
        ("reopen todo 4", Intent("reopen", "4")),
        ("rename buy milk to buy oat milk", Intent("rename", "buy milk", "buy oat milk")),
        ("set the description of milk to two litres", Intent("describe", "milk", "two litres")),
        ("delete the milk task from my list", Intent("delete", "milk")),
        ("delete all todos", Intent("bulk")),
        ("help", Intent("help")),
        ("Hello!", Intent("help")),
        ("the weather is fine", Intent("unclear")),
        ("add", Intent("unclear")),
    ],
)
def test_words_become_an_intent(message: str, intent: Intent) -> None:
    assert understand(message) == intent


def test_long_and_odd_text_is_understood_quickly() -> None:
    for message in ("add " + "a " * 1900, "mark " * 700, "with note " * 390, " " * 4000, "\n\t" * 2000):
        assert understand(message).kind in {"add", "unclear", "help", "complete", "bulk"}


def test_a_title_finds_its_todo() -> None:
    todos = [MILK, OLD_MILK, PLANTS]
    assert matching("plants", todos) == [PLANTS]
    assert matching("the PLANTS water", todos) == [PLANTS]
    assert matching("buy milk", todos, want_done=False) == [MILK]
    assert matching("buy milk", todos, want_done=True) == [OLD_MILK]
    assert matching("buy milk", todos) == [MILK, OLD_MILK]
    assert matching("unicorn", todos) == []
    assert matching("?!", todos) == []


def test_a_change_looks_first_and_then_acts() -> None:
    listing = Done("list_todos", {"todos": [MILK, PLANTS]})
    assert next_step("complete milk", []) == Call("list_todos", {"status": "all"})
    assert next_step("complete milk", [listing]) == Call("complete_todo", {"id": 1})
    done = Done("complete_todo", MILK | {"completed": True})
    assert next_step("complete milk", [listing, done]) == Say('Well done: "Buy milk" (#1) is completed.')


def test_a_number_needs_no_look() -> None:
    assert next_step("delete #7", []) == Call("delete_todo", {"id": 7})


def test_it_means_what_was_mentioned_last() -> None:
    assert next_step("complete it", [], 'Added "buy milk" to your list (#12).') == Call("complete_todo", {"id": 12})
    for unclear in ("", "You have 2 todos:\n- #1 a\n- #2 b"):
        assert next_step("complete it", [], unclear) == Say("Which todo do you mean? Tell me its name or its number.")


def test_more_than_one_match_is_a_question_and_not_a_guess() -> None:
    step = next_step("delete milk", [Done("list_todos", {"todos": [MILK, OLD_MILK]})])
    assert isinstance(step, Say) and step.text.startswith('More than one todo fits "milk"')


def test_a_failed_tool_ends_the_turn() -> None:
    failed = Done.of("add_todo", "Error executing tool add_todo: The todo database is not reachable at the moment.")
    assert next_step("add buy milk", [failed]) == Say(
        "Sorry, that did not work: The todo database is not reachable at the moment."
    )
    assert Done.of("add_todo", "").error == "no reason given"


def test_a_long_list_is_cut() -> None:
    todos = [{"id": number, "title": f"todo {number}", "completed": False} for number in range(60)]
    step = next_step("list", [Done("list_todos", {"todos": todos})])
    assert isinstance(step, Say) and step.text.endswith("… and 10 more")
